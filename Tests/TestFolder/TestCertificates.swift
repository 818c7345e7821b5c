import Glibc

/// An authority and what it has signed, made once by openssl:
/// `good` (localhost, 127.0.0.1, ::1), `expired`, `elsewhere`, and `stranger`, of another authority.
package final class TestCertificates: Sendable {
  package static let shared = TestCertificates()
  private let folder = TestFolder("tls")

  package func file(_ name: String) -> String { folder.file(name) }

  private init() {
    let status = system("cd '\(folder.path)' && \(Self.script) >/dev/null 2>&1")
    if status != 0 { fatalError("openssl makes no certificates: \(status)") }
  }

  /// Elliptic keys: RSA would take seconds.
  private static let script = """
    set -e; \
    key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }; \
    root() { key $1; openssl req -x509 -new -key $1.key -subj /CN=$1 -days 30 -out $1.pem; }; \
    leaf() { key $1; openssl req -new -key $1.key -subj /CN=$1 -out $1.csr; \
    printf 'subjectAltName=%s' "$3" > $1.ext; \
    openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -extfile $1.ext $4 \
    -out $1.pem; }; \
    root ca; root other; \
    leaf good ca DNS:localhost,IP:127.0.0.1,IP:::1 '-days 30'; \
    leaf expired ca DNS:localhost,IP:127.0.0.1 '-days -1'; \
    leaf elsewhere ca DNS:elsewhere.example '-days 30'; \
    leaf stranger other DNS:localhost,IP:127.0.0.1 '-days 30'
    """
}
