package feeds

// OptionError reports an option of a source that it cannot work with. Constructors of sources return a *OptionError, so that
// whoever read the option from a file can say where it stands.
type OptionError struct {
	Key     string // as in the configuration, such as "url" or "headers.Accept"
	Problem string // the value seen, unless it is a Secret, and what is allowed
}

// Error is the key and the problem.
func (e *OptionError) Error() string { return e.Key + ": " + e.Problem }
