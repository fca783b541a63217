package main

import (
	"strings"
	"testing"
)

func TestSourcesOfOnesOwn(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"missing variable", "  - name: a\n    http:\n      url: http://h/${NOT_SET}\n",
			"wall.yaml:4:12: feeds[0].http.url: the environment variable NOT_SET is not set, or empty"},
		{"two sources", "  - name: a\n    kind: sensors\n    http: {url: \"http://h/\"}\n",
			`wall.yaml:2:5: feeds[0]: "a" comes from more than one place; allowed: one of kind, `},
		{"name of a built-in", "  - name: host\n    http: {url: \"http://h/\"}\n",
			`wall.yaml:2:11: feeds[0].name: "host" is built in; a source of its own needs another name`},
		{"option", "  - name: a\n    http:\n      url: http://h/\n      maxBytes: 5\n", "wall.yaml:5:17: feeds[0].http.maxBytes: "},
		{"unknown option", "  - name: a\n    http:\n      uri: http://h/\n", `wall.yaml:4:7: feeds[0].http: unknown key "uri"; allowed: url, `},
		{"duration", "  - name: a\n    http:\n      url: http://h/\n      timeout: soon\n",
			`wall.yaml:5:16: feeds[0].http.timeout: "soon" is not a duration; `},
		{"mapping", "  - name: a\n    http: {url: \"http://h/\"}\n    id: b\n    fields: [a]\n", `wall.yaml:4:9: feeds[0].id: "b" is no field; allowed: a`},
		{"threshold", "  - name: a\n    http: {url: \"http://h/\"}\n    id: b\n    thresholds: [{field: v}]\n", `feeds[0].thresholds[0].warn: is missing; allowed: warn, crit, or both`},
		{"unionId", "  - name: a\n    http: {url: \"http://h/\"}\n    unionId: required\n", `feeds[0].unionId: the records are the same for all users`},
		{"alerts of nothing", "  - name: sensors\n    alerts: true\n", `wall.yaml:3:13: feeds[0].alerts: needs thresholds`},
		{"alerts of users", "  - name: sensors\n    thresholds: [{field: value, warn: 1}]\n    alertFor: [7]\n", `feeds[0].alertFor: the records are the same for all users`},
		{"alerts of nobody", "  - name: a\n    http: {url: \"http://h/{unionId}\"}\n    id: b\n    unionId: required\n    thresholds: [{field: v, warn: 1}]\n    alerts: true\n", `feeds[0].alerts: the records are each user's own`},
		{"alerts of a word", "  - name: a\n    http: {url: \"http://h/{unionId}\"}\n    alertFor: [7, ann]\n", `feeds[0].alertFor[1]: "ann" is no unionId`},
		{"alerts twice", "  - name: a\n    http: {url: \"http://h/{unionId}\"}\n    id: b\n    thresholds: [{field: v, warn: 1}]\n    alertFor: [7, \"7\"]\n", `feeds[0].alertFor[1]: unionId 7 stands here a second time`},
		{"printed token", "  - name: a\n    http: {url: \"http://h/\", token: \"***\"}\n", `feeds[0].http.token: the secret was left out when this was printed: put it, or better ${NAME}`},
		{"printed header", "  - name: a\n    http: {url: \"http://h/\", headers: {X-Key: \"***\"}}\n", `feeds[0].http.headers.X-Key: the secret was left out`},
		{"printed password", "  - name: a\n    sql: {url: \"postgres://u:***@h/d\", query: SELECT 1}\n", `feeds[0].sql.url: the secret was left out`},
		{"printed password of a cache", "  - name: a\n    redis: {url: \"redis://:***@h:6379\", hash: h}\n", `feeds[0].redis.url: the secret was left out`},
		{"printed key", "  - name: a\n    http: {url: \"http://h/?apikey=***&limit=5\"}\n", `feeds[0].http.url: the secret was left out`},
		{"printed key of a push", "  - name: a\n    push: {key: \"***\"}\n", `feeds[0].push.key: the secret was left out`},
		{"threshold of another field", "  - name: a\n    http: {url: \"http://h/\"}\n    id: b\n    fields: [b, temperature]\n    thresholds: [{field: temprature, warn: 1}]\n",
			`feeds[0].thresholds[0].field: "temprature" is no field; allowed: b, temperature`},
		{"mapping of a kind", "  - name: sensors\n    id: b\n", `feeds[0]: kind sensors knows what its fields mean`},
	}
	for _, tt := range tests {
		writeConfig(t, "feeds:\n"+tt.yaml)
		code, stdout, stderr := invoke(t, nil, "--config", "wall.yaml", "config", "check")
		if code != 2 || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: config check = %d\n got %s%s\nwant %s", tt.name, code, stdout, stderr, tt.want)
		}
	}
}

func TestSecretsOfSourcesAreNotPrinted(t *testing.T) {
	writeConfig(t, `feeds:
  - name: a
    http: { url: "https://u:${PW}@h.example/x/{unionId}?limit=5&apikey=hunter22", headers: { X-Key: "${KEY}", X-Other: hunter22 } }
  - name: b
    http: { url: "https://u:hunter22@h.example/y", records: data }
  - name: c
    http: { url: "https://hunter22@h.example/z?appid=hunter22&q=${Q}" }
  - name: d
    http: { url: "https://h.example/v?sub=5f0hunter22c7ab19&sslmode=verify-full" }
`)
	env := []string{"PW=hunter22", "KEY=hunter22", "Q=x"}
	code, printed, stderr := invoke(t, env, "--config", "wall.yaml", "config", "print")
	if code != 0 || strings.Contains(printed+stderr, "hunter22") {
		t.Errorf("config print = %d, and tells a secret:\n%s%s", code, printed, stderr)
	}
	for _, want := range []string{"https://u:${PW}@h.example/x/{unionId}?limit=5&apikey=***", "X-Key: ${KEY}", "X-Other: '***'", "https://u:***@h.example/y", "records: data",
		"https://***@h.example/z?appid=***&q=${Q}", "https://h.example/v?sub=***&sslmode=verify-full"} {
		if !strings.Contains(strings.ReplaceAll(printed, `"`, "'"), want) {
			t.Errorf("config print has no %q in\n%s", want, printed[strings.Index(printed, "- name: a\n"):])
		}
	}
}
