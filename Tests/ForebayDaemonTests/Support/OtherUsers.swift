import Glibc
import Testing

/// Programs that run as other users: only where root starts them, and where those can reach them.
enum OtherUsers {
  static let arePossible: Bool = {
    guard geteuid() == 0, exists("/usr/bin/setpriv") else { return false }
    let words = command(["\(Program.folder)/forebayctl", "--version"], as: 4201)
    return system(words.joined(separator: " ") + " >/dev/null 2>&1") == 0
  }()

  static let why: Comment = "several users need root, setpriv, and a build that all can read"

  private static func command(_ words: [String], as user: Int) -> [String] {
    ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"] + words
  }

  static func start(
    _ name: String, _ arguments: [String], as user: Int, in place: Workplace
  ) throws -> Program {
    let path = name.hasPrefix("/") ? name : "\(Program.folder)/\(name)"
    let words = command([path] + arguments, as: user)
    return try Program.start(words[0], Array(words.dropFirst()), in: place)
  }
}

extension DaemonProcess {
  /// Everybody may come to the sockets: a test is about what happens then.
  func admitEverybody() {
    chmod(place.path, 0o755)
    chmod(socket, 0o666)
    chmod(place.file("\(name)-admin"), 0o755)
    chmod(adminSocket, 0o666)
  }
}

/// A way into a daemon as another user: what connects to it, the daemon hears from that user.
final class UserDoor {
  let path: String
  let user: Int
  private let program: Program

  init(_ user: Int, to daemon: DaemonProcess) async throws {
    self.user = user
    let folder = daemon.place.file("door-\(user)")
    #expect(mkdir(folder, 0o755) == 0 && chown(folder, uid_t(user), gid_t(user)) == 0)
    let path = "\(folder)/in.sock"
    self.path = path
    program = try OtherUsers.start(
      "/usr/bin/socat",
      ["UNIX-LISTEN:\(path),fork,backlog=256", "UNIX-CONNECT:\(daemon.socket)"], as: user,
      in: daemon.place)
    try await expectEventually("the door of user \(user)") { exists(path) }
  }

  /// It keeps the door open.
  func producer(_ name: String) -> Producer { Producer(name, to: { self.path }) }
}
