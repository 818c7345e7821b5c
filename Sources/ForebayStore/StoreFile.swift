import Glibc

/// A store's place on disk: the checks and steps around the file that SQLite doesn't do for us.
struct StoreFile {
  /// What SQLite and the operator call the file.
  let path: String
  let directory: String

  /// Payloads can hold secrets. SQLite gives its log and index the mode of the file itself.
  static let mode: mode_t = 0o600
  /// A disk that ruins file after file needs an operator, not more files.
  static let quarantinedMax = 99

  init(path: String) throws(StoreError) {
    guard !path.isEmpty, !path.hasSuffix("/") else {
      throw StoreError(.cannotOpen, path, "a store needs the path of a file")
    }
    // SQLite gives a meaning of its own to names like ":memory:" and "file:x".
    self.path = path.hasPrefix("/") || path.hasPrefix(".") ? path : "./" + path
    let name = self.path.lastIndex(of: "/")!
    directory = name == self.path.startIndex ? "/" : String(self.path[..<name])
  }

  /// Refuses a directory in which the file could not be kept, or not be kept safe.
  func checkDirectory() throws(StoreError) {
    var status = stat()
    guard stat(directory, &status) == 0 else {
      throw unusable("the directory \(directory) can't be used: \(describe(errno: errno))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw unusable("\(directory) is no directory") }
    guard faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0 else {
      throw unusable(
        "files can't be created in the directory \(directory): \(describe(errno: errno))")
    }
    guard status.st_mode & S_IWOTH == 0 || status.st_mode & S_ISVTX != 0 else {
      throw unusable("everybody may replace files in the directory \(directory); chmod o-w it")
    }
  }

  enum Preparation: Equatable {
    /// With the new name of a write-ahead log that lay there alone.
    case created(orphanedLog: String?)
    case existing
    /// Others could read it, and no longer can.
    case tightened(from: mode_t)
  }

  /// Makes sure that there is a file which only we can read, and that its name is on disk as well.
  func prepare() throws(StoreError) -> Preparation {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      guard errno == ENOENT else { throw failed("can't be examined", errno) }
      let orphan = try setOrphanedLogAside()
      try create()
      return .created(orphanedLog: orphan)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError(.notAStore, path, "is not a regular file")
    }
    let mode = status.st_mode & 0o777
    guard mode & 0o077 != 0 else { return .existing }
    // By name: to close any descriptor of the file would drop SQLite's locks in this process.
    guard chmod(path, Self.mode) == 0 else {
      throw failed("others can read it, and its mode can't be changed", errno)
    }
    return .tightened(from: mode)
  }

  private func create() throws(StoreError) {
    let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, Self.mode)
    guard file >= 0 else { throw failed("can't be created", errno) }
    defer { close(file) }
    // The umask can only have taken bits away; SQLite needs the owner's.
    guard fchmod(file, Self.mode) == 0, fsync(file) == 0 else {
      throw failed("can't be created", errno)
    }
    try syncDirectory()
  }

  func syncDirectory() throws(StoreError) {
    let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw failed("its directory can't be opened", errno) }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw failed("its directory can't be synchronised", errno) }
  }

  func failed(_ what: String, _ code: Int32) -> StoreError {
    let kind: StoreError.Kind
    switch code {
    case ENOSPC, EDQUOT: kind = .full
    case EIO: kind = .inputOutput
    default: kind = .cannotOpen
    }
    return StoreError(kind, path, "\(what): \(describe(errno: code))")
  }

  private func unusable(_ detail: String) -> StoreError {
    StoreError(.unusableDirectory, path, detail)
  }
}

// Moving a ruined file out of the way.
extension StoreFile {
  /// Renames the file to `….corrupt-<n>`, with the log that belongs to it. Nothing is deleted.
  func quarantine() throws(StoreError) -> String {
    let target = try freeName()
    // The log goes first: one left behind would be played into the new file.
    for suffix in ["-wal", "-shm", ""] {
      guard rename(path + suffix, target + suffix) == 0 || (errno == ENOENT && suffix != "") else {
        throw failed("is corrupt, and can't be renamed", errno)
      }
    }
    try syncDirectory()
    return target
  }

  /// SQLite would delete a log that it finds beside an empty file.
  private func setOrphanedLogAside() throws(StoreError) -> String? {
    removeEmptiedLog()
    guard !isFree(path + "-wal") else { return nil }
    let target = try freeName() + "-wal"
    guard rename(path + "-wal", target) == 0 else {
      throw failed("a log lies there without its file, and can't be renamed", errno)
    }
    return target
  }

  /// Removes the log if it is empty, and the index, which SQLite makes anew from the log.
  func removeEmptiedLog() {
    var status = stat()
    if lstat(path + "-wal", &status) == 0, status.st_size == 0 { unlink(path + "-wal") }
    unlink(path + "-shm")
  }

  private func freeName() throws(StoreError) -> String {
    for number in 1...Self.quarantinedMax {
      let name = "\(path).corrupt-\(number)"
      if isFree(name), isFree(name + "-wal") { return name }
    }
    throw StoreError(
      .corrupt, path, "\(Self.quarantinedMax) corrupt files lie beside it already; remove some")
  }

  /// Whether a file that SQLite can't read may be taken for a store of ours gone bad. A path that was
  /// mistyped must not cost anybody a file.
  func isPlausiblyOurs(applicationID: Int64) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return false }
    defer { close(file) }
    var header = [UInt8](repeating: 0, count: 100)
    if pread(file, &header, 100, 0) == 100 {
      let id = header[68..<72].reduce(Int64(0)) { $0 << 8 | Int64($1) }
      if header.starts(with: Array("SQLite format 3\0".utf8)) { return id == applicationID }
    }
    // The first page is gone. The rest of what we know of our files: owner, mode, whole pages.
    var status = stat()
    guard fstat(file, &status) == 0 else { return false }
    return status.st_uid == geteuid() && status.st_mode & 0o777 == Self.mode
      && status.st_size > 0 && status.st_size % 4096 == 0
  }

  private func isFree(_ name: String) -> Bool {
    var status = stat()
    return lstat(name, &status) != 0 && errno == ENOENT
  }
}

/// Says that one writer, in this process or any other, has the store. It ends with the object, or
/// with the process however that ends.
final class StoreLock {
  private let file: Int32

  init(_ store: StoreFile) throws(StoreError) {
    let path = store.path + "-lock"
    file = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, StoreFile.mode)
    guard file >= 0 else { throw store.failed("its lock can't be created", errno) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      // `deinit` closes it, since every property is set: a second close could hit a stranger's file.
      let code = errno
      let holder = Self.holder(file)
      guard code == EWOULDBLOCK else { throw store.failed("can't be locked", code) }
      throw StoreError(.inUse, store.path, "another writer\(holder) has it open")
    }
    // Only for whoever is refused; a full disk doesn't matter here.
    let process = "\(getpid())\n"
    if ftruncate(file, 0) == 0 { _ = pwrite(file, process, process.utf8.count, 0) }
  }

  // The file stays: to remove it would let two others lock two files of the same name. Unlocked by
  // hand, since a process being spawned just now holds a copy of the descriptor until its exec.
  deinit {
    guard file >= 0 else { return }
    flock(file, LOCK_UN)
    close(file)
  }

  private static func holder(_ file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = pread(file, &bytes, bytes.count, 0)
    guard count > 1 else { return "" }
    let digits = bytes[..<count].prefix { (0x30...0x39).contains($0) }
    return " (process \(String(decoding: digits, as: UTF8.self)))"
  }
}
