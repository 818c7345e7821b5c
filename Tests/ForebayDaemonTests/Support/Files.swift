import Glibc

extension Workplace {
  func file(_ name: String) -> String { "\(path)/\(name)" }
}

func mode(_ path: String) -> mode_t? {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

func exists(_ path: String) -> Bool { mode(path) != nil }
