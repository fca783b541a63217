package feeds

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/shirou/gopsutil/v4/process"
)

// Arguments are separated by | here, since some have spaces in them.
func TestSecretsAreNotShown(t *testing.T) {
	for in, want := range map[string]string{
		"app|--password=hunter2|--port=80":               "app|--password=***|--port=80",
		"app|--password=my pass word|--port=80":          "app|--password=***|--port=80",
		"app|--password|my pass word|--port|80":          "app|--password|***|--port|80",
		"app|--password|-hunter2|x":                      "app|--password|***|x", // one that looks like a flag
		"app|--password|--token|abc|x":                   "app|--password|***|***|x",
		"app|password|=|abc":                             "app|password|***|***",
		`app|--password="my|pass|word"|--port=80`:        `app|--password=***|***|***|--port=80`,
		`app|--token|'my|pass word'|x`:                   `app|--token|***|***|x`,
		"java|-Ddb.password=a b|y":                       "java|-Ddb.password=***|y",
		"env|API_TOKEN=abc|MYSQL_PWD=x|app":              "env|API_TOKEN=***|MYSQL_PWD=***|app",
		`run|--env|{"X_SECRET_KEY": "abc/+="}|x`:         `run|--env|{"X_SECRET_KEY": ***|x`,
		`run|{"n":1,"access_key":"a b"}`:                 `run|{"n":1,"access_key":***`,
		`sh|-c|run "{\"token\": \"a b\"}"`:               `sh|-c|run "{\"token\": ***`,
		"app|Server=db;Uid=me;Pwd=a b;Port=1":            "app|Server=db;Uid=me;Pwd=***",
		"app|AccountKey=abc==":                           "app|AccountKey=***",
		"app|--auth|x|--credentials|y|--ssh-key|z":       "app|--auth|***|--credentials|***|--ssh-key|***",
		"app|--key1=x|--storepass|y|--master-password|z": "app|--key1=***|--storepass|***|--master-password|***",
		"openssl|rsa|-passin|pass:x y":                   "openssl|rsa|-passin|***",
		"curl|-H|Authorization: Bearer abc|http://h/":    "curl|-H|Authorization: ***|http://h/",
		"curl|-H|X-Api-Key: a b|-HCookie: s=1":           "curl|-H|X-Api-Key: ***|-HCookie: ***",
		"app|Authorization:|Bearer|abc|x":                "app|Authorization:|***|***|x",
		"app|Authorization:|Basic|abc|x":                 "app|Authorization:|***|***|x",
		"app|bearer|abc":                                 "app|bearer|***",
		"curl|-u|me:hunter2|http://h/":                   "curl|-u|***|http://h/",
		"curl|-ume:hunter2|http://h/":                    "curl|-u***|http://h/",
		"/usr/bin/curl|-sSu|me:hunter2|-o|x":             "/usr/bin/curl|-sSu|***|-o|x",
		"curl|--user|me:hunter2|--proxy-user=a:b":        "curl|--user|***|--proxy-user=***",
		"curl|http://h/?api_key=a&b=c":                   "curl|http://h/?api_key=***",
		"mysql|-h|db|-phunter2|shop":                     "mysql|-h|db|-p***|shop",
		"mysqldump|-p|hunter2|shop":                      "mysqldump|-p|***|shop",
		"sudo|mysql|-phunter2|shop":                      "sudo|mysql|-p***|shop",
		"sshpass|-p|hunter 2|ssh|host":                   "sshpass|-p|***|ssh|host",
		"sh|-c|cd x; 'mysql' -p'a b' shop|x":             "sh|-c|cd x; 'mysql' -p***|x",
		"sh|-c|curl -u me:hunter2 http://h/":             "sh|-c|curl -u ***",
		"sh|-c|app --password hunter2 --port 80":         "sh|-c|app --password ***",
		"docker|login|-u|me|-p|hunter2":                  "docker|login|-u|me|-p|***",
		"redis-cli|-a|hunter2|get|x":                     "redis-cli|-a|***|get|x",
		"psql|postgres://app:hunter2@db/x":               "psql|postgres://***@db/x",
		"psql|postgres://app:p@ss/w o@db/x":              "psql|postgres://***@db/x",
		"git|clone|https://ghp_abc@github.com/x":         "git|clone|https://***@github.com/x",
		"app: worker --password=x y":                     "app: worker --password=***", // a process that renamed itself
		"app|--password":                                 "app|--password",
		"app|--password||x":                              "app|--password|***|x",

		"pulsewall|serve|--listen=:7000":            "pulsewall|serve|--listen=:7000",
		"curl|-s|http://localhost:7000/d/a":         "curl|-s|http://localhost:7000/d/a",
		"ssh-agent|-D":                              "ssh-agent|-D",
		"systemd-ask-password|--watch":              "systemd-ask-password|--watch",
		"docker|run|-p|80:80|-u|1000:1000|nginx":    "docker|run|-p|80:80|-u|1000:1000|nginx",
		"ssh|-p|22|me@host":                         "ssh|-p|22|me@host",
		"nginx: master process /usr/sbin/nginx -g":  "nginx: master process /usr/sbin/nginx -g",
		"mkdir|-p|/srv/monkeys":                     "mkdir|-p|/srv/monkeys",
		"git|commit|--author=A B|-m|keyboard: fix":  "git|commit|--author=A B|-m|keyboard: fix",
		"nginx|-c|/etc/ssl/server.key|-g|daemon on": "nginx|-c|/etc/ssl/server.key|-g|daemon on",
	} {
		if got := strings.Join(maskArguments(strings.Split(in, "|"), 1000), "|"); got != want {
			t.Errorf("%s\nis shown as %s\nwant        %s", in, got, want)
		}
	}
}

func TestCommandIsMasked(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "echo up; read wait; true", "x", "--password", "my pass word", "--token=a b", "--port")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil { // from here on the kernel shows its arguments
		t.Fatal(err)
	}
	p, err := process.NewProcess(int32(cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := commandOf(t.Context(), p), "sh -c echo up; read wait; true x --password *** --token=*** --port"; got != want {
		t.Errorf("command = %q; want %q", got, want)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
