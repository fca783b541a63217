// Package servers starts real servers on this machine, for tests: a file for each. They listen on a free port of loopback,
// keep what they have in a folder of their own, and end with the test. One whose program is missing is an error that says
// what to install; it is for the test to fail with that.
//
// Several of them refuse to run as root; where the tests do, all servers run as the user nobody.
package servers
