package feeds

// Secret is a text that is never printed.
type Secret string

// Reveal returns it.
func (s Secret) Reveal() string { return string(s) }

// OptionError says which option of a source is wrong, and what is allowed.
type OptionError struct{ Key, Problem string }

func (e OptionError) Error() string { return e.Key + " " + e.Problem }
