//go:build unix && !linux

package main

// linuxCommands need Linux.
type linuxCommands struct{}
