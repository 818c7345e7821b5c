import Glibc

extension Workplace {
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Lets other users come as far as the sockets in it.
  func admitOthers(to names: String...) {
    for name in [path] + names.map(file) { chmod(name, 0o777) }
  }
}

func mode(_ path: String) -> mode_t? {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

func exists(_ path: String) -> Bool { mode(path) != nil }
