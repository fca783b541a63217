package feeds

// ParseSubscription reads feed[@node][/unionId[/current[/size]]][;key=value…]. What is left out takes its default.
// Errors wrap ErrBadSubscription and name the value and what is allowed.
func ParseSubscription(s string) (Subscription, error) { panic("later") }

// String is the canonical form, for example "processes/-/1/10".
func (s Subscription) String() string { panic("later") }

// ParseUnionID returns the canonical decimal form of a 64-bit integer; "" and "-" give "".
func ParseUnionID(s string) (string, error) { panic("later") }

// Param returns the value of a ;key=value parameter, unescaped.
func (s Subscription) Param(key string) string { panic("later") }
