import ForebayUV
import Glibc
import Testing

/// What the listener refuses about the directory of its socket.
@Suite struct SocketDirectoryTests {
  @Test func takesTheLongestPathAndNotALongerOne() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let room = 107 - directory.utf8.count - 1
        let path = directory + "/" + String(repeating: "n", count: room)
        let listener = try UnixListener(on: loop, path: path)
        #expect(inode(path) != nil)
        var isConnected = false
        try StreamHandle(on: loop, .pipe).connect(toPath: path) { isConnected = $0 == nil }
        try turn(loop, until: { isConnected })
        listener.close()
        #expect(inode(path) == nil)
        #expect(throws: ListenError.pathTooLong(bytes: 108)) {
          try UnixListener(on: loop, path: path + "n")
        }
      }
    }
  }

  @Test func refusesADirectoryThatOthersMayWrite() throws {
    try withDirectory { directory in
      try withLoop { loop in
        for mode: UInt32 in [0o777, 0o1777, 0o770, 0o702, 0o720] {
          chmod(directory, mode)
          #expect(throws: ListenError.directoryWritableByOthers(directory, mode: mode)) {
            try UnixListener(on: loop, path: directory + "/s")
          }
          #expect(names(in: directory) == [])
        }
        chmod(directory, 0o755)
        _ = try UnixListener(on: loop, path: directory + "/s")
        #expect(throws: ListenError.self) {
          try UnixListener(on: loop, path: "/tmp/forebay-uv-test.sock")
        }
      }
    }
  }

  @Test func refusesASymbolicLinkInItsPlace() throws {
    try withDirectory { directory in
      try withLoop { loop in
        mkdir(directory + "/real", 0o700)
        symlink("real", directory + "/link")
        for path in ["/link/s", "/link//s"] {
          #expect(throws: ListenError.directoryIsSymbolicLink(directory + "/link")) {
            try UnixListener(on: loop, path: directory + path)
          }
        }
        _ = try UnixListener(on: loop, path: directory + "/real/s")
      }
    }
  }

  @Test func refusesWhatIsMissingOrNoDirectory() throws {
    try withDirectory { directory in
      try withLoop { loop in
        #expect(throws: ListenError.directoryMissing(directory + "/none")) {
          try UnixListener(on: loop, path: directory + "/none/s")
        }
        close(open(directory + "/file", O_CREAT | O_RDWR, 0o600))
        #expect(throws: ListenError.notADirectory(directory + "/file")) {
          try UnixListener(on: loop, path: directory + "/file/s")
        }
      }
    }
  }

  @Test(.enabled(if: getuid() == 0, "needs root to give a directory away"))
  func refusesADirectoryOfSomebodyElse() throws {
    try withDirectory { directory in
      try withLoop { loop in
        chown(directory, 4_321, 0)
        #expect(throws: ListenError.directoryNotOurs(directory, owner: 4_321)) {
          try UnixListener(on: loop, path: directory + "/s")
        }
      }
    }
  }
}
