//! A text of headings, paragraphs, facts and tables, and its two forms: for a terminal and as Markdown. Pure.
//! Never decides what is said; a code (between backticks) is one in both forms.

/// A part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A heading; 1 is the largest.
    Heading(u8, String),
    /// A paragraph.
    Text(String),
    /// A sentence under a word: `Advice: …`.
    Fact(&'static str, String),
    /// A table with a heading for each column; the last column takes the room that is left.
    Table(Vec<&'static str>, Vec<Vec<String>>),
}

/// The text as Markdown.
#[must_use]
pub fn markdown(blocks: &[Block]) -> String {
    let mut text = String::new();
    let mut in_list = false;
    for block in blocks {
        let fact = matches!(block, Block::Fact(..));
        if !(text.is_empty() || fact && in_list) {
            text.push('\n');
        }
        in_list = fact;
        match block {
            Block::Heading(level, heading) => {
                text.push_str(&"#".repeat(usize::from(*level)));
                line(&mut text, &format!(" {}", escaped(heading)));
            }
            Block::Text(paragraph) => line(&mut text, &escaped(paragraph)),
            Block::Fact(word, sentence) => line(&mut text, &format!("- **{word}:** {}", escaped(sentence))),
            Block::Table(head, rows) => {
                line(&mut text, &format!("| {} |", head.join(" | ")));
                line(&mut text, &format!("|{}", "---|".repeat(head.len())));
                for row in rows {
                    let cells: Vec<_> = row.iter().map(|cell| escaped(cell).replace('|', "\\|")).collect();
                    line(&mut text, &format!("| {} |", cells.join(" | ")));
                }
            }
        }
    }
    text
}

/// What Markdown would take for its own, outside of code.
fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut code = false;
    for c in text.chars() {
        code ^= c == '`';
        if !code && matches!(c, '<' | '*' | '[' | ']' | '\\' | '_') {
            clean.push('\\');
        }
        clean.push(c);
    }
    clean
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// The text for a terminal of this width.
#[must_use]
pub fn terminal(blocks: &[Block], width: usize, colours: bool) -> String {
    let width = width.clamp(40, 160);
    let paint = Paint(colours);
    let mut text = String::new();
    let mut before: Option<&Block> = None;
    for block in blocks {
        let together = matches!((before, block), (Some(Block::Fact(..)), Block::Fact(..)));
        if before.is_some() && !together {
            text.push('\n');
        }
        before = Some(block);
        match block {
            Block::Heading(level, heading) => {
                let plain = heading.replace('`', "");
                let mark = if *level == 1 { "=" } else { "-" };
                line(&mut text, &paint.strong(&plain));
                if *level <= 2 {
                    line(&mut text, &paint.faint(&mark.repeat(wide(&plain).min(width))));
                }
            }
            Block::Text(paragraph) => {
                for part in wrapped(paragraph, width) {
                    line(&mut text, &paint.codes(&part));
                }
            }
            Block::Fact(word, sentence) => fact(&mut text, word, sentence, width, paint),
            Block::Table(head, rows) => table(&mut text, head, rows, width, paint),
        }
    }
    text
}

/// The widest word of a fact: `Disproved by`.
const WORD: usize = 14;

fn fact(text: &mut String, word: &str, sentence: &str, width: usize, paint: Paint) {
    for (number, part) in wrapped(sentence, width.saturating_sub(WORD + 2)).iter().enumerate() {
        let label = if number == 0 { word } else { "" };
        line(text, &format!("  {}{}", paint.faint(&format!("{label:<WORD$}")), paint.codes(part)));
    }
}

fn table(text: &mut String, head: &[&'static str], rows: &[Vec<String>], width: usize, paint: Paint) {
    let cell = |row: &[String], column: usize| row.get(column).map_or(0, |cell| wide(cell));
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(column, title)| rows.iter().map(|row| cell(row, column)).max().unwrap_or(0).max(wide(title)))
        .collect();
    let last = head.len().saturating_sub(1);
    let taken: usize = widths.iter().take(last).map(|width| width + 2).sum::<usize>() + 2;
    // Where too little is left for the last column, it goes under its row.
    let beside = width.saturating_sub(taken) >= 20;
    let left = if beside { width.saturating_sub(taken) } else { width.saturating_sub(6) };
    let titles: Vec<String> = head.iter().map(|title| (*title).to_owned()).collect();
    for (number, row) in std::iter::once(&titles).chain(rows).enumerate() {
        let mut front = String::new();
        for (cell, width) in row.iter().zip(&widths).take(last) {
            front.push_str(cell);
            front.push_str(&" ".repeat(width.saturating_sub(wide(cell)) + 2));
        }
        let tail = wrapped(row.get(last).map_or("", String::as_str), left);
        let mut lines = Vec::new();
        if beside {
            let indent = " ".repeat(taken.saturating_sub(2));
            for (number, part) in tail.iter().enumerate() {
                lines.push(if number == 0 {
                    format!("  {front}{part}")
                } else {
                    format!("  {indent}{part}")
                });
            }
        } else {
            lines.push(format!("  {front}"));
            lines.extend(tail.iter().map(|part| format!("      {part}")));
        }
        for part in lines {
            let part = part.trim_end();
            line(text, &if number == 0 { paint.faint(part) } else { paint.codes(part) });
        }
    }
}

/// Lines of at most this width, where words allow it; at least one.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let room = lines.last().is_some_and(|line| line.is_empty() || wide(line) + 1 + wide(word) <= width);
        if !room {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Columns that a text takes; backticks are not printed.
fn wide(text: &str) -> usize {
    text.chars().filter(|c| *c != '`').count()
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Codes in colour; without colours they stand as they are. A code does not go over the end of a line.
    fn codes(self, text: &str) -> String {
        if !self.0 {
            return text.replace('`', "");
        }
        let parts = text.split('`').enumerate();
        parts
            .map(|(number, part)| if number % 2 == 1 { self.with("36", part) } else { part.to_owned() })
            .collect()
    }

    fn with(self, number: &str, text: &str) -> String {
        if self.0 && !text.trim().is_empty() {
            format!("\u{1b}[{number}m{text}\u{1b}[0m")
        } else {
            text.replace('`', "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Block> {
        vec![
            Block::Heading(1, "Report".to_owned()),
            Block::Text(
                "Words that are long enough to need more than one line of a small terminal.".to_owned(),
            ),
            Block::Fact(
                "Advice",
                "change `keep_alive` <now> and look again after a day or two of waiting".to_owned(),
            ),
            Block::Fact("Test", "none".to_owned()),
            Block::Table(
                vec!["drops", "name", "what it means"],
                vec![vec![
                    "12".to_owned(),
                    "`AWS_IO`".to_owned(),
                    "nothing | came back, and nobody knows why that is".to_owned(),
                ]],
            ),
        ]
    }

    #[test]
    fn markdown_has_a_list_a_table_and_no_html() {
        let expected = "# Report\n\nWords that are long enough to need more than one line of a small terminal.\n\n\
            - **Advice:** change `keep_alive` \\<now> and look again after a day or two of waiting\n- **Test:** none\n\n\
            | drops | name | what it means |\n|---|---|---|\n\
            | 12 | `AWS_IO` | nothing \\| came back, and nobody knows why that is |\n";
        assert_eq!(markdown(&sample()), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_is_lost() {
        for width in [40, 60, 100] {
            let text = terminal(&sample(), width, false);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert!(
                words(&text).contains(&"why".to_owned()) && !text.contains('`') && !text.contains('\u{1b}'),
                "{text}"
            );
        }
    }

    #[test]
    fn colours_change_no_letter() {
        let coloured = terminal(&sample(), 60, true);
        let mut plain = coloured.clone();
        for number in ["0", "1", "2", "36"] {
            plain = plain.replace(&format!("\u{1b}[{number}m"), "");
        }
        assert_eq!(plain, terminal(&sample(), 60, false));
        assert!(coloured.contains("\u{1b}[36mkeep_alive\u{1b}[0m"), "{coloured:?}");
    }
}
