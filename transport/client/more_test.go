package client_test

import (
	"errors"

	"github.com/pulsewall/pulsewall/transport"
)

var to8 = transport.Address{Users: []string{"8"}}

func as[E error](err error, target *E) bool { return errors.As(err, target) }
