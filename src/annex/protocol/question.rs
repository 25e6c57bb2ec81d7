//! What the remote asks and tells of itself while it handles a request.

use super::{Key, flat, shown, split, text};

/// What the remote asks of git-annex while it handles a request. Each is answered by one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::annex) enum Question<'a> {
    Config(&'a str),
    Credentials(&'a str),
    State(&'a Key),
    Uuid,
    GitDirectory,
    GitRemoteName,
}

impl Question<'_> {
    /// Returns the line without its end.
    pub(in crate::annex) fn line(&self) -> Vec<u8> {
        match self {
            Self::Config(name) => format!("GETCONFIG {name}").into_bytes(),
            Self::Credentials(name) => format!("GETCREDS {name}").into_bytes(),
            Self::State(key) => [b"GETSTATE ", key.0.as_slice()].concat(),
            Self::Uuid => b"GETUUID".to_vec(),
            Self::GitDirectory => b"GETGITDIR".to_vec(),
            Self::GitRemoteName => b"GETGITREMOTENAME".to_vec(),
        }
    }
}

/// What the remote tells git-annex; not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::annex) enum Statement<'a> {
    /// Keeps a setting for good, while the remote is initialised.
    Config(&'a str, &'a str),
    /// Keeps credentials, while the remote is initialised: their name, user, password.
    Credentials(&'a str, &'a str, &'a str),
    /// Keeps something about a key where each clone sees it.
    State(&'a Key, &'a str),
    /// For people; wants the extension.
    Info(&'a str),
    /// For logs.
    Debug(&'a str),
}

impl Statement<'_> {
    /// Returns the line without its end.
    pub(in crate::annex) fn line(&self) -> Vec<u8> {
        match self {
            Self::Config(name, value) => format!("SETCONFIG {name} {}", flat(value)).into_bytes(),
            Self::Credentials(name, user, password) => {
                format!("SETCREDS {name} {user} {}", flat(password)).into_bytes()
            }
            Self::State(key, value) => {
                [b"SETSTATE ", key.0.as_slice(), b" ", flat(value).as_bytes()].concat()
            }
            Self::Info(said) => format!("INFO {}", shown(said)).into_bytes(),
            Self::Debug(said) => format!("DEBUG {}", shown(said)).into_bytes(),
        }
    }
}

/// Reads the answer to a question, `VALUE` and what follows.
pub(in crate::annex) fn value(line: &[u8]) -> Option<String> {
    match split(line) {
        (b"VALUE", value) => Some(text(value.unwrap_or_default())),
        _ => None,
    }
}

/// Reads the answer to a question for credentials, `CREDS user password`; both are empty if there are none.
pub(in crate::annex) fn credentials(line: &[u8]) -> Option<(String, String)> {
    let (b"CREDS", credentials) = split(line) else { return None };
    let (user, password) = split(credentials.unwrap_or_default());
    Some((text(user), text(password.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_be_empty() {
        assert_eq!(value(b"VALUE"), Some(String::new()));
        assert_eq!(value(b"VALUE "), Some(String::new()));
        assert_eq!(value(b"VALUE a b"), Some("a b".to_owned()));
        assert_eq!(value(b"PREPARE"), None);
        assert_eq!(credentials(b"CREDS"), Some((String::new(), String::new())));
        assert_eq!(credentials(b"CREDS  "), Some((String::new(), String::new())));
        assert_eq!(credentials(b"CREDS me a secret"), Some(("me".to_owned(), "a secret".to_owned())));
        assert_eq!(credentials(b"VALUE x"), None);
    }
}
