package feeds

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Trusting returns what TLS needs for servers whose certificates the system trusts, or those of a file where one is named.
// The error is a *OptionError of key.
func Trusting(key, caFile string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return config, nil
	}
	text, err := os.ReadFile(caFile) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, &OptionError{Key: key, Problem: err.Error()}
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, &OptionError{Key: key, Problem: quote(caFile) + " has no certificate: want one or more, as PEM"}
	}
	return config, nil
}

// distrust says that a server's certificate was refused, why, and what to do; nil: err is about something else. key names the
// option with the certificates to trust.
func distrust(host, key string, err error) error {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is signed by nobody who is trusted here; name the signer's with %s", host, key)
	case errors.As(err, &hostname):
		return fmt.Errorf("the certificate of %s is for another name", host)
	case errors.As(err, &invalid):
		return fmt.Errorf("the certificate of %s is not valid: %w", host, invalid)
	}
	return nil
}
