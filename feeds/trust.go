package feeds

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// trusting returns what TLS needs for servers whose certificates the system trusts, or those of a file where one is named.
// The error is a *OptionError of key.
func trusting(key, caFile string) (*tls.Config, error) {
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
