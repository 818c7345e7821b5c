import Glibc
import Testing

/// A small file system in memory below a test's folder, which detaches it in the end. It needs root and
/// the right to mount.
struct SmallDisk {
  let path: String

  static let isPossible = SmallDisk(in: Workplace(), bytes: 65_536) != nil
  static let why: Comment = "needs root and the right to mount"

  init?(in place: Workplace, bytes: Int) {
    path = place.file("disk")
    guard geteuid() == 0, mkdir(path, 0o755) == 0,
      mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0
    else { return nil }
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Possible only while nobody has a file open for writing.
  func makeReadOnly() -> Bool {
    mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0
  }

  /// Makes what it holds appear at an empty directory, too.
  func show(at place: String) -> Bool { mount(path, place, nil, UInt(MS_BIND), nil) == 0 }

  /// There alone, whoever has files open elsewhere.
  func setReadOnly(_ isReadOnly: Bool, at place: String) -> Bool {
    let flags = MS_REMOUNT | MS_BIND | (isReadOnly ? MS_RDONLY : 0)
    return mount(nil, place, nil, UInt(flags), nil) == 0
  }

  /// Undoes that at once; files that somebody has open stay open.
  func hide(at place: String) -> Bool { umount2(place, Int32(MNT_DETACH)) == 0 }

  /// A file of that size: space that nobody else has. Not for programs that other tests start just now:
  /// they would keep it after the file's removal.
  func fill(_ name: String, bytes: Int) {
    let descriptor = open(file(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    let zeros = [UInt8](repeating: 0, count: bytes)
    #expect(write(descriptor, zeros, bytes) == bytes)
    close(descriptor)
  }

  func detach() { umount2(path, Int32(MNT_DETACH)) }
}
