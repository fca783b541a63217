package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is the version of the module as it was built: a tag, or "devel" from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// versionLine is what the version command prints.
func versionLine() string {
	return fmt.Sprintf("pulsewall %s %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
