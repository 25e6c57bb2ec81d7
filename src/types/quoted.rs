//! Names inside messages, quoted the way the original program's language quotes a text, and on terminals.

use std::borrow::Cow;

/// The longest text that is shown as a whole in a message: no path is longer, and no name of an archive by far.
const SHOWN_WHOLE_MAX_BYTES: usize = 4096;

/// Returns the beginning of a text, if it is longer than what fits a line that people read.
pub fn shortened(text: &str) -> Cow<'_, str> {
    const SHOWN_MAX_CHARS: usize = 60;
    shortened_to(SHOWN_MAX_CHARS, text)
}

/// The same of a text that may fill the line.
pub fn shortened_to(max_chars: usize, text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns `text` as Python's `repr` writes it: `'it'`, `"it's"`, with unprintable characters escaped.
///
/// The result is one line and holds nothing that a terminal would act upon. Of what is longer than any name or path there is
/// only the beginning.
pub fn quoted(text: &str) -> String {
    if text.len() > SHOWN_WHOLE_MAX_BYTES {
        return quoted(&shortened(text));
    }
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => out.push_str(&escape(u32::from(c))),
        }
    }
    out.push(quote);
    out
}

/// Returns `text` with what a terminal would act upon, control and direction characters, escaped as [`quoted`] does.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) { out.push(c) } else { out.push_str(&escape(u32::from(c))) }
    }
    Cow::Owned(out)
}

/// Returns what the system says without the numbers of its errors, such as ` (os error 2)`, which say nothing more.
pub fn plain_reason(said: &str) -> Cow<'_, str> {
    const NUMBER: &str = " (os error ";
    let mut plain = Cow::Borrowed(said);
    while let Some(at) = plain.find(NUMBER) {
        let Some(length) = plain[at..].find(')') else { break };
        plain.to_mut().replace_range(at..=at + length, "");
    }
    plain
}

fn escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Rust's debug form of a text escapes what is unprintable; the leading letter keeps combining marks as they are.
fn is_printable(c: char) -> bool {
    if "\"'\\".contains(c) {
        return true;
    }
    let text = String::from_iter(['x', c]);
    text.escape_debug().eq(text.chars())
}

#[cfg(test)]
mod tests {
    use super::{escaped, plain_reason, quoted, shortened};

    #[test]
    fn numbers_of_the_system_are_left_out() {
        for (said, expected) in [
            ("No such file or directory (os error 2)", "No such file or directory"),
            ("a: b (os error 2); c (os error 13).", "a: b; c."),
            ("an (os error without end", "an (os error without end"),
        ] {
            assert_eq!(plain_reason(said), expected);
        }
    }

    #[test]
    fn a_terminal_gets_nothing_to_act_upon() {
        for (text, expected) in [
            ("plain 'name' \\ é", "plain 'name' \\ é"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("a\u{202e}b\u{2066}\u{9b}", "a\\u202eb\\u2066\\x9b"),
            ("line\nbreak", "line\\x0abreak"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn what_is_longer_than_any_name_or_path_is_shown_by_its_beginning() {
        assert_eq!(quoted(&"p".repeat(4096)).len(), 4098);
        assert_eq!(quoted(&"é".repeat(3_000_000)), format!("'{}...'", "é".repeat(60)));
        assert_eq!(shortened(&"n".repeat(60)), "n".repeat(60));
        assert_eq!(shortened(&"n".repeat(61)), format!("{}...", "n".repeat(60)));
    }

    #[test]
    fn quotes_as_python_does() {
        for (text, expected) in [
            ("example-content", "'example-content'"),
            ("it's", "\"it's\""),
            ("say \"hi\"", "'say \"hi\"'"),
            ("it's \"it\"", "'it\\'s \"it\"'"),
            ("a\\b\n\t", "'a\\\\b\\n\\t'"),
            ("\u{1b}[31m", "'\\x1b[31m'"),
            ("\u{202e}x", "'\\u202ex'"),
            ("日本 é e\u{301}", "'日本 é e\u{301}'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
