/// One row of the settings table: what can be set, how it is written, where it goes.
///
/// The default is what `Scope` has when it is made, so it stands once, in the type that uses it.
struct Setting<Scope>: Sendable {
  /// Within its section: `breaker.base_wait`.
  let key: String
  let summary: String
  let look: FormLook
  /// What the core's problems call it, where that isn't the key in camel case.
  let fields: [String]
  /// Whether a running daemon takes a new value; else it needs a restart.
  let isReloadable: Bool
  /// The option of `forebayd` that sets it, without its dashes.
  let flag: String?
  let isRequired: Bool
  let print: @Sendable (Scope) -> String
  let write: @Sendable (Written, inout Scope) throws(FormProblem) -> Void
  /// Gives the second what the first has.
  let copy: @Sendable (Scope, inout Scope) -> Void
  /// Whether both have the same value. Printed they may be the same and aren't: secrets are never shown.
  let isSame: @Sendable (Scope, Scope) -> Bool
  /// The file that it names, where that is read at the start.
  private(set) var file: @Sendable (Scope) -> String? = { _ in nil }

  init<Value: Equatable>(
    _ key: String, _ path: any WritableKeyPath<Scope, Value> & Sendable, _ form: Form<Value>,
    _ summary: String, flag: String? = nil, needsRestart: Bool = false, isRequired: Bool = false,
    fields: [String] = []
  ) {
    self.key = key
    self.summary = summary
    look = form.look
    self.fields = fields.isEmpty ? [Words.camelCase(key)] : fields
    isReloadable = !needsRestart
    self.flag = flag
    self.isRequired = isRequired
    print = { form.print($0[keyPath: path]) }
    write = { (written: Written, scope: inout Scope) throws(FormProblem) in
      scope[keyPath: path] = try form.read(written)
    }
    copy = { $1[keyPath: path] = $0[keyPath: path] }
    isSame = { $0[keyPath: path] == $1[keyPath: path] }
  }

  /// A file that is read at the start, and only then.
  static func file(
    _ key: String, _ path: any WritableKeyPath<Scope, String?> & Sendable, _ summary: String
  ) -> Setting {
    var setting = Setting(key, path, orNone(.filePath), summary, needsRestart: true)
    setting.file = { $0[keyPath: path] }
    return setting
  }
}

/// A part of the table: the settings of the process, of each socket, each route, each class.
struct Section<Scope: Sendable>: Sendable {
  /// Where its settings stand: "" or `routes[]`.
  let pattern: String
  let summary: String
  let blank: Scope
  let settings: [Setting<Scope>]

  /// Keys that may stand below `prefix`, which is empty or ends with a dot.
  func children(of prefix: String) -> [String] {
    var found: [String] = []
    for setting in settings where setting.key.hasPrefix(prefix) {
      let child = String(setting.key.dropFirst(prefix.count).prefix { $0 != "." })
      if !found.contains(child) { found.append(child) }
    }
    return found
  }

  func setting(_ key: String) -> Setting<Scope>? { settings.first { $0.key == key } }
}

/// The names that settings have in the core and in files.
enum Words {
  /// `breaker.base_wait` is `breaker.baseWait`.
  static func camelCase(_ key: String) -> String {
    var result = ""
    var isUpper = false
    for character in key {
      if character == "_" {
        isUpper = true
      } else {
        result += isUpper ? character.uppercased() : String(character)
        isUpper = false
      }
    }
    return result
  }

  static func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
      result += character.isUppercase ? "_" + character.lowercased() : String(character)
    }
    return result
  }
}
