package main

import (
	"strings"
	"testing"
)

func TestOlderClients(t *testing.T) {
	tests := []struct{ in, want string }{
		{"msg", "msg"},
		{" msg , sockjs,msg", "msg,sockjs"},
		{"none", "none"},
		{"msg,hello1,message,channel,sockjs", string(allOlder())},
		{"", `"" is unknown`},
		{"msg,none", `"none" is unknown; allowed: msg, hello1, message, channel, sockjs, with commas between, or none`},
		{"MSG", `"MSG" is unknown`},
	}
	for _, tt := range tests {
		var v olderClients
		err := v.UnmarshalText([]byte(tt.in))
		got := string(v)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q: %s; want %s", tt.in, got, tt.want)
		}
	}
	if list := olderClients("none").list(); list == nil || len(list) != 0 {
		t.Errorf("none = %v; want an empty list", list)
	}
	if list := olderClients("msg,channel").list(); len(list) != 2 || list[1] != "channel" {
		t.Errorf("msg,channel = %v", list)
	}
}

func TestMsgFeed(t *testing.T) {
	tests := []struct {
		file string
		args []string
		want string
	}{
		{"msgFeed: hosts\n", nil, `wall.yaml:1:10: msgFeed: "hosts" is unknown or disabled; allowed: host, processes, sensors, stocks, weather`},
		{"feeds: [{name: stocks, enabled: false}]\nmsgFeed: stocks\n", nil, `wall.yaml:2:10: msgFeed: "stocks" is unknown or disabled`},
		{"{}\n", []string{"--msg-feed", "hosts"}, `--msg-feed: "hosts" is unknown or disabled`},
		{"{}\n", []string{"--older-clients", "msg,ftp"}, `"ftp" is unknown; allowed: msg,`},
		{"olderClients: none\nmsgFeed: host\n", nil, ""},
		{"{}\n", []string{"--older-clients=msg,sockjs", "--msg-feed=host"}, ""},
	}
	for _, tt := range tests {
		writeConfig(t, tt.file)
		code, _, stderr := invoke(t, nil, append([]string{"config", "check", "--config", "wall.yaml"}, tt.args...)...)
		if (code == 0) != (tt.want == "") || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q %v = %d, %s; want %s", tt.file, tt.args, code, stderr, tt.want)
		}
	}
	_, printed, _ := invoke(t, []string{"PULSEWALL_OLDER_CLIENTS=msg,channel", "PULSEWALL_MSG_FEED=host"}, "config", "print")
	for _, want := range []string{"olderClients: msg,channel\n", "msgFeed: host\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("config print has no %q in\n%s", want, printed)
		}
	}
}
