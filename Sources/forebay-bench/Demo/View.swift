import ForebayCore

/// The live view: a scene as lines. Nothing here knows of a terminal.
struct View {
  let settings: DemoSettings
  /// Between `columnsMin` and `columnsMax`.
  let columns: Int

  static let columnsMin = 80
  static let columnsMax = 120
  private static let notesShown = 3
  private static let labelColumns = 11
  /// Of the longest reason that a producer here can meet.
  private static let reasonColumns = 14

  init(_ settings: DemoSettings, columns: Int) {
    self.settings = settings
    self.columns = min(max(columns, Self.columnsMin), Self.columnsMax)
  }

  /// How many lines every scene has.
  var lineCount: Int { 15 + settings.producers + Self.notesShown }

  func lines(_ scene: Scene) -> [StyledLine] {
    var lines = [title(scene), picture(scene), StyledLine()]
    lines.append(StyledLine("messages a second", .bold))
    let rates: [(String, Double, StyledLine.Style)] = [
      ("offered", scene.offered, .cyan), ("admitted", scene.admitted, .blue),
      ("delivered", scene.delivered, .green),
    ]
    lines += rates.map { rate($0.0, $0.1, $0.2) }
    lines.append(StyledLine())
    var heading = StyledLine("windows", .bold)
    heading.pad(to: Self.labelColumns + 1)
    heading.add("█ unsettled  ▒ may be sent  · not granted", .dim)
    heading.pad(to: columns - Self.reasonColumns - 6)
    heading.add("shut  because", .dim)
    lines.append(heading)
    lines += scene.producers.map(producer)
    lines.append(StyledLine())
    var held = StyledLine("held", .bold)
    held.pad(to: Self.labelColumns + 1)
    held.add("of what may be held; one user gets at most four fifths", .dim)
    lines.append(held)
    lines.append(buffer("forebayd", scene.buffer))
    lines.append(buffer("hub", scene.hub))
    lines.append(breaker(scene))
    lines.append(totals(scene))
    lines += notes(scene)
    return lines
  }

  private func title(_ scene: Scene) -> StyledLine {
    var line = StyledLine("Forebay", .bold)
    line.add("  " + scene.act)
    let time = seconds(scene.elapsed) + " s"
    line.pad(to: columns - time.count)
    line.add(time, .dim)
    return line
  }

  private func picture(_ scene: Scene) -> StyledLine {
    var line = StyledLine("\(settings.producers) producers ─▶ forebayd ─▶ ")
    line.add("hub", scene.hub == nil ? .red : .plain)
    line.add(scene.hub == nil ? " (dead)" : " (forebayd)", scene.hub == nil ? .red : .dim)
    line.add(" ─▶ journal, at most \(grouped(settings.rate)) a second")
    return line
  }

  // MARK: Bars

  /// `share` of `width` cells. What isn't nothing shows.
  private func bar(_ share: Double, _ width: Int, _ style: StyledLine.Style) -> StyledLine {
    let exact = max(0, min(1, share)) * Double(width)
    let full = exact > 0 ? max(1, Int(exact.rounded())) : 0
    var line = StyledLine(String(repeating: "█", count: full), style)
    line.add(String(repeating: "░", count: width - full), .dim)
    return line
  }

  private func labelled(_ label: String, _ bar: StyledLine, gap: Int = 2) -> StyledLine {
    var line = StyledLine("  " + label)
    line.pad(to: Self.labelColumns)
    line.add(" ")
    line.add(bar)
    line.add(String(repeating: " ", count: gap))
    return line
  }

  private func rate(_ label: String, _ value: Double, _ style: StyledLine.Style) -> StyledLine {
    let number = grouped(Int(value.rounded())).leftPadded(8)
    let width = columns - Self.labelColumns - 3 - 8
    var line = labelled(label, bar(value / Double(settings.offered), width, style))
    line.add(number)
    return line
  }

  private func producer(_ producer: Scene.Producer) -> StyledLine {
    let numbers = "\(producer.inUse) of \(producer.window)".leftPadded(10)
    let width = columns - Self.labelColumns - 2 - numbers.count - 9 - Self.reasonColumns
    var line = labelled("\(producer.number)", window(producer, width), gap: 1)
    line.add(numbers)
    let percent = Int((producer.blockedShare * 100).rounded())
    line.add("\(percent) %".leftPadded(7))
    if let reason = producer.reason {
      line.add("  " + reason, reason == "BREAKER_OPEN" ? .red : .yellow)
    }
    return line
  }

  /// A window beside the largest that there can be.
  private func window(_ producer: Scene.Producer, _ width: Int) -> StyledLine {
    func cells(_ messages: UInt64) -> Int {
      let exact = Double(messages) / Double(settings.windowMessages) * Double(width)
      return messages == 0 ? 0 : min(width, max(1, Int(exact.rounded())))
    }
    let used = cells(producer.inUse)
    let granted = max(used, cells(producer.window))
    var line = StyledLine(String(repeating: "█", count: used), .yellow)
    line.add(String(repeating: "▒", count: granted - used), .green)
    line.add(String(repeating: "·", count: width - granted), .dim)
    return line
  }

  private func buffer(_ label: String, _ buffer: Scene.Buffer?) -> StyledLine {
    let width = columns - Self.labelColumns - 3 - 15
    guard let buffer else {
      var line = StyledLine("  " + label)
      line.pad(to: Self.labelColumns + 1)
      line.add("dead: killed with SIGKILL", .red)
      return line
    }
    let share = buffer.bound > 0 ? Double(buffer.held) / Double(buffer.bound) : 0
    var line = labelled(label, bar(share, width, .blue))
    line.add(grouped(buffer.held).leftPadded(6) + " / " + grouped(buffer.bound).leftPadded(6))
    return line
  }

  // MARK: Words

  private func breaker(_ scene: Scene) -> StyledLine {
    var line = StyledLine("breaker", .bold)
    line.pad(to: Self.labelColumns + 1)
    switch scene.breaker.state {
    case "closed":
      line.add("closed", .green)
      line.add(", \(scene.breaker.consecutiveFailures) of 5 failures in a row")
    case "open":
      line.add("open", .red)
      line.add(
        ", \(scene.breaker.consecutiveFailures) failures in a row; probes so far:"
          + " \(scene.breaker.probes)")
    case "half_open":
      line.add("half open", .yellow)
      line.add(
        ", \(scene.breaker.successes) successes in a row; five are needed, and five seconds")
    default: line.add(scene.breaker.state)
    }
    return line
  }

  private func totals(_ scene: Scene) -> StyledLine {
    var line = StyledLine("messages", .bold)
    line.pad(to: Self.labelColumns + 1)
    line.add("\(grouped(scene.sentTotal)) sent, \(grouped(scene.deliveredTotal)) delivered, ")
    line.add("\(grouped(scene.waitingTotal)) wait at their source", .cyan)
    return line
  }

  private func notes(_ scene: Scene) -> [StyledLine] {
    let shown = scene.notes.suffix(Self.notesShown)
    var lines = shown.map { note in
      let isNewest = note == scene.notes.last
      var line = StyledLine(seconds(note.at).leftPadded(5) + " s  ", .dim)
      line.add(note.text, isNewest ? .bold : .dim)
      return line
    }
    while lines.count < Self.notesShown { lines.append(StyledLine()) }
    return lines
  }
}

func seconds(_ span: TimeSpan) -> String { decimal(Double(span.nanoseconds) / 1e9, places: 1) }
