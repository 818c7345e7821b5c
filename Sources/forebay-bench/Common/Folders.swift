import Glibc

/// The names in a folder, without `.` and `..`; nil if it can't be read.
func names(inFolder path: String) -> [String]? {
  guard let directory = opendir(path) else { return nil }
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

/// A folder below `/tmp` that nobody else may enter; nil if there can't be one.
func makeTemporaryFolder() -> String? {
  var template = Array("/tmp/forebay-bench-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { return nil }
  return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Removes a folder of ours and everything in it, following no links.
func removeFolder(_ path: String) {
  for name in names(inFolder: path) ?? [] {
    let entry = path + "/" + name
    var status = stat()
    if lstat(entry, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      removeFolder(entry)
    } else {
      unlink(entry)
    }
  }
  rmdir(path)
}

/// A whole file as text; nil if it can't be read.
func readFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  return withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      guard count >= 0 else { return nil }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer.prefix(count)
    }
  }
}
