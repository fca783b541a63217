# A mail server for tests. What it does is said where mail.go starts it.
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

mode, port, cert, key, user, password = sys.argv[1:]


def log(**what):
    print(json.dumps(what), flush=True)


def local(address):
    return address.split("@")[0]


class Handler:
    busy = True

    async def handle_RCPT(self, server, session, envelope, address, options):
        if local(address) == "nobody":
            return "550 5.1.1 no such user"
        if local(address) == "busy" and Handler.busy:
            Handler.busy = False
            return "451 4.2.1 mailbox busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if any(local(to) == "stuck" for to in envelope.rcpt_tos):
            log(stuck=envelope.rcpt_tos)
            await asyncio.sleep(3600)
        tls = mode == "tls" or session.ssl is not None
        log(to=envelope.rcpt_tos, sender=envelope.mail_from, user=session.auth_data, tls=tls, data=envelope.content.decode())
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    ok = data.login.decode() == user and data.password.decode() == password
    log(login=data.login.decode(), ok=ok)
    return AuthResult(success=ok, handled=False, auth_data=data.login.decode())


async def main():
    secure = None
    if mode != "plain":
        secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secure.load_cert_chain(cert, key)

    def session():
        how = {"auth_required": True, "authenticator": authenticate}
        if mode == "plain":
            how = {}
        elif mode == "starttls":
            how |= {"tls_context": secure, "require_starttls": True}
        else:
            how |= {"auth_require_tls": False}  # it knows only of STARTTLS
        return SMTP(Handler(), hostname="mail.test", loop=asyncio.get_running_loop(), **how)

    listener = await asyncio.get_running_loop().create_server(session, "127.0.0.1", int(port), ssl=secure if mode == "tls" else None)
    log(listening=port)
    await listener.serve_forever()


asyncio.run(main())
