/// Where results are kept: charts and JSON as files, tables between marks of `benchmarks.md`.
struct DocumentFolder {
  let path: String

  func write(_ name: String, _ text: String) throws { try Output("\(path)/\(name)").line(text) }

  func writeSection(_ name: String, _ markdown: String) throws {
    let file = "\(path)/benchmarks.md"
    guard let document = readFile(file),
      let changed = MarkedSection.replace(name, in: document, with: markdown)
    else {
      throw Output.Failure(
        description: "\(file) must have the marks \(MarkedSection.begin(name)) and "
          + MarkedSection.end(name))
    }
    try Output(file).write(changed)
  }
}
