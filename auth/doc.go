// Package auth says whose a token is: a JSON Web Token (RFC 7519) that somebody else has signed. It knows no HTTP and nothing of what a person
// may see.
package auth
