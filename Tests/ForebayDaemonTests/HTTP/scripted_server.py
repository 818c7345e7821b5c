"""An HTTP server that answers as a file says, and writes down what it got, before it answers.

    scripted_server.py PORT FOLDER [CERTIFICATE KEY [CLIENT-AUTHORITY]]

FOLDER/script is JSON, read anew for each request:

    {"do": "status", "status": 503, "headers": {"Retry-After": "2"}}
    {"do": "later", "seconds": 2}      503 with a date in Retry-After
    {"do": "results"}                  207; messages with "bad" in them 422, after "stop" 424 or 503
    {"do": "poison", "status": 413}    this status if any message has "poison" in it
    {"do": "reset", "every": 3}        takes each third request and resets the connection
    {"do": "hang"} | "garbage" | "endless" | "huge" | "short"
    {"token": "Bearer x"}              401 for everybody else

Without a script, all is taken with 200. FOLDER/messages has a line for each message that was taken:
the idempotency key, the path, and the message; FOLDER/requests one for each request: status, method,
path, key, content type, content encoding, other headers.
"""

import email.utils
import gzip
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOLDER = sys.argv[2]
lock = threading.Lock()
state = {"count": 0, "script": {}}
files = {}


def script():
    try:
        with open(f"{FOLDER}/script") as file:
            state["script"] = json.load(file)
    except FileNotFoundError:
        state["script"] = {}
    except ValueError:
        pass  # It is being written: the last one counts.
    return state["script"]


def write(name, lines):
    with lock:
        if name not in files:
            files[name] = open(f"{FOLDER}/{name}", "ab")
        files[name].write(b"".join(lines))
        files[name].flush()


def messages(body, kind):
    if kind.startswith("application/x-ndjson"):
        return body.split(b"\n")[:-1]
    if kind.startswith("application/json"):
        return [json.dumps(one).encode() for one in json.loads(body)]
    if kind.startswith("application/x-lengths"):
        found = []
        while body:
            (length,) = struct.unpack(">I", body[:4])
            found.append(body[4:4 + length])
            body = body[4 + length:]
        return found
    return [body]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(script().get("head", 200))

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if "Content-Length" not in dict(headers) and status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def take(self, some):
        write("messages", [
            b"%s\t%s\t%s\n" % (self.key.encode(), self.path.encode(), one) for one in some])

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.key = self.headers.get("Idempotency-Key", "-")
        got = messages(body, self.headers.get("Content-Type", ""))
        status = self.decide(got, script())
        write("requests", [
            f"{status} {self.command} {self.path} {self.key} {self.headers.get('Content-Type')} "
            f"{self.headers.get('Content-Encoding', '-')} "
            f"{self.headers.get('X-Test', '-')} {self.headers.get('traceparent', '-')} "
            f"{self.headers.get('Authorization', '-')}\n".encode()])

    do_PUT = do_POST
    do_PATCH = do_POST

    def decide(self, got, script):
        with lock:
            state["count"] += 1
            count = state["count"]
        if "token" in script and self.headers.get("Authorization") != script["token"]:
            return self.say(401)
        what = script.get("do", "take")
        if what == "status":
            return self.say(script["status"], headers=script.get("headers", {}))
        if what == "later":
            date = email.utils.formatdate(time.time() + script["seconds"], usegmt=True)
            return self.say(503, headers={"Retry-After": date})
        if what == "poison" and any(b"poison" in one for one in got):
            return self.say(script["status"])
        if what == "results":
            return self.results(got)
        if what == "reset" and count % script["every"] == 0:
            self.take(got)
            return self.cut()
        if what == "hang":
            time.sleep(600)
        if what == "garbage":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            return self.cut()
        if what == "endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"10000\r\n" + b"." * 65536 + b"\r\n")
            except OSError:
                return self.cut()
        if what == "huge":
            return self.say(200, body=b"." * (2 << 20))
        if what == "short":
            self.say(200, headers={"Content-Length": "1000"})
            return self.cut()
        if what == "unreadable":
            return self.say(207, body=b'{"results": [{"status": 200}')
        self.take(got)
        return self.say(script.get("taken", 200))

    def results(self, got):
        statuses, is_stopped = [], False
        for one in got:
            is_stopped = is_stopped or b"stop" in one
            statuses.append(503 if is_stopped else 422 if b"bad" in one else 200)
        self.take([one for one, status in zip(got, statuses) if status == 200])
        body = json.dumps({"took": 1, "results": [{"status": status} for status in statuses]})
        return self.say(207, body=body.encode(), headers={"Content-Type": "application/json"})

    def say(self, status, body=b"", headers=()):
        try:
            self.answer(status, body, headers)
        except OSError:
            self.close_connection = True
        return status

    def cut(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        return 0


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    if len(sys.argv) > 5:
        context.load_verify_locations(sys.argv[5])
        context.verify_mode = ssl.CERT_REQUIRED
    # In the connection's thread: a client that says nothing holds nobody up.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False)
with open(f"{FOLDER}/ready", "w") as ready:
    ready.write(str(os.getpid()))
server.serve_forever()
