import Glibc

/// A directory of a test's own below /tmp, removed with all that is in it when the test lets go of it.
///
/// Tests that are killed remove nothing. So each directory holds a lock for as long as its owner lives,
/// and whoever makes the first directory of a run removes those whose lock is free. A lock tells this
/// rightly where a process id doesn't: ids are used again, and differ between containers that share /tmp.
package final class TestFolder: Sendable {
  /// Empty at first, and nobody else may enter it unless the test says so.
  package let path: String
  private let top: String
  private let lock: Int32

  private static let parent = "/tmp"
  private static let prefix = "forebay-test-"
  private static let lockName = "owner.lock"

  /// `name` says whose it is. Short: the path of a socket may have 107 bytes.
  package init(_ name: String) {
    _ = Self.swept
    var template = Array("\(Self.parent)/\(Self.prefix)\(name)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no directory for a test: errno \(errno)") }
    top = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    path = "\(top)/d"
    // Locked before it has the name by which others look for it: they can't take it in between.
    let unnamed = "\(top)/new.lock"
    lock = open(unnamed, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0,
      rename(unnamed, "\(top)/\(Self.lockName)") == 0, chmod(top, 0o711) == 0,
      mkdir(path, 0o700) == 0
    else { fatalError("no lock for a test's directory: errno \(errno)") }
  }

  deinit {
    removeTree(top)
    close(lock)
  }

  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Once in a process.
  private static let swept: Void = sweep()

  private static func sweep() {
    for name in names(in: parent) where name.hasPrefix(prefix) {
      let abandoned = "\(parent)/\(name)"
      let file = open("\(abandoned)/\(lockName)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      guard file >= 0 else { continue }
      if flock(file, LOCK_EX | LOCK_NB) == 0 { removeTree(abandoned) }
      close(file)
    }
  }
}

/// Removes a directory and what is in it, after detaching a file system that is mounted there. Links
/// are removed, never followed.
private func removeTree(_ path: String) {
  umount2(path, Int32(MNT_DETACH) | UMOUNT_NOFOLLOW)
  for name in names(in: path) {
    let child = "\(path)/\(name)"
    if unlink(child) != 0 { removeTree(child) }
  }
  rmdir(path)
}

private let UMOUNT_NOFOLLOW: Int32 = 8

private func names(in path: String) -> [String] {
  let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
  guard descriptor >= 0, let directory = fdopendir(descriptor) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    // In place: an entry's memory ends with its name, long before the field does.
    let name = String(
      cString: UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \.d_name)!)
        .assumingMemoryBound(to: CChar.self))
    if name != ".", name != ".." { names.append(name) }
  }
  return names
}
