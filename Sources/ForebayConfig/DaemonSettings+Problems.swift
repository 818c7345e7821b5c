import ForebayCore

/// What can't work together: the setting that it is told of, and what to write instead.
package struct KeyProblem: Equatable, Sendable {
  package let key: String
  package let text: String
  package init(_ key: String, _ text: String) {
    self.key = key
    self.text = text
  }
}

extension DaemonSettings {
  /// Everything that is wrong with settings that are each fine by themselves. Empty: the daemon may
  /// start.
  package func problems() -> [KeyProblem] {
    core.problems().map(inFileWords) + samePaths() + references() + burstsAlone() + ofUpstreams()
      + listening()
  }

  /// A problem of the core, whose names for settings differ a little.
  private func inFileWords(_ problem: SettingProblem) -> KeyProblem {
    let (key, group) = SettingsTable.key(ofField: problem.setting)
    var text = ""
    for word in problem.rule.split(separator: " ", omittingEmptySubsequences: false) {
      text += (text.isEmpty ? "" : " ") + SettingsTable.word(String(word), in: group)
    }
    return KeyProblem(key, text)
  }

  private func samePaths() -> [KeyProblem] {
    var problems: [KeyProblem] = []
    for (index, socket) in sockets.enumerated() {
      if socket.path == admin.path {
        problems.append(
          KeyProblem(
            "sockets[\(index)].path",
            "is the admin socket's path, too; give each a path of its own"))
      }
      if let first = sockets[..<index].firstIndex(where: { $0.path == socket.path }) {
        problems.append(
          KeyProblem("sockets[\(index)].path", "is that of sockets[\(first)], too; remove one"))
      }
    }
    for (index, route) in routes.enumerated() {
      if let first = routes[..<index].firstIndex(where: { $0.address.isSameFile(as: route.address) }
      ) {
        problems.append(
          KeyProblem(
            "routes[\(index)].upstream",
            "is the journal of routes[\(first)], too; a journal has one writer, name another file"))
      }
      if case .peerUnix(let path) = route.address, sockets.contains(where: { $0.path == path }) {
        problems.append(
          KeyProblem(
            "routes[\(index)].upstream",
            "is our own socket, so messages would go in a circle; name another Forebay's"))
      }
    }
    return problems
  }

  private func references() -> [KeyProblem] {
    var problems: [KeyProblem] = []
    let known = allClasses.map(\.settings.name)
    func check(_ name: String?, _ key: String) {
      guard let name, !known.contains(name) else { return }
      let suggestion = Suggestion.nearest(to: name, among: known).map { "did you mean '\($0)'?" }
      problems.append(
        KeyProblem(
          key,
          "there is no class '\(name)'; "
            + (suggestion ?? "there are: \(known.joined(separator: ", "))")))
    }
    for (index, socket) in sockets.enumerated() {
      check(socket.className, "sockets[\(index)].class")
    }
    check(peers.className, "peers.class")
    return problems
  }

  private func ofUpstreams() -> [KeyProblem] {
    routes.enumerated().flatMap { $1.upstreamProblems(at: "routes[\($0)]") }
  }

  private func burstsAlone() -> [KeyProblem] {
    let rates =
      routes.enumerated().map { ("routes[\($0)]", $1.rate) }
      + classes.enumerated().map { ("classes[\($0)]", $1.rate) }
    return rates.filter { $1.burst != nil && $1.allowed == nil }.map { path, _ in
      KeyProblem("\(path).burst", "means nothing without a rate; set 'rate', or remove it")
    }
  }

  private func listening() -> [KeyProblem] {
    var problems: [KeyProblem] = []
    if sockets.isEmpty {
      problems.append(KeyProblem("sockets", "must list at least one; or leave the key out"))
    }
    if let listener = peers.listen, !listener.isLoopback {
      problems.append(
        KeyProblem(
          "peers.listen",
          "\(listener.host) isn't a loopback address; without TLS peers are accepted on loopback "
            + "only, write 127.0.0.1:\(listener.port)"))
    }
    return problems
  }
}

extension UpstreamAddress {
  fileprivate func isSameFile(as other: UpstreamAddress) -> Bool {
    if case .journal = self { self == other } else { false }
  }
}

extension SettingsTable {
  /// `routes[1].breaker.baseWait` is `routes[1].breaker.base_wait`, in the group `breaker.`.
  static func key(ofField field: String) -> (key: String, group: String) {
    let isElement = field.contains("].")
    let path = isElement ? String(field.prefix { $0 != "]" }) + "]." : ""
    let name = String(field.dropFirst(path.count))
    let key: String? =
      if field.hasPrefix("routes[") {
        routes.settings.first { $0.fields.contains(name) }?.key
      } else if field.hasPrefix("classes[") {
        classes.settings.first { $0.fields.contains(name) }?.key
      } else {
        process.settings.first { $0.fields.contains(name) }?.key
      }
    let found = key ?? Words.snakeCase(name)
    let group = found.lastIndex(of: ".").map { String(found[...$0]) } ?? ""
    return (path + found, group)
  }

  /// A word of a rule that is the name of a setting beside it (`baseWait,`), as files have it.
  static func word(_ word: String, in group: String) -> String {
    let name = word.prefix { $0.isLetter }
    guard name.first?.isLowercase == true, name.contains(where: \.isUppercase) else { return word }
    return Words.snakeCase(String(name)) + word.dropFirst(name.count)
  }
}
