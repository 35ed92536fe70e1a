//! Texts that belong to a person, or that may hold something that does.

use std::fmt;

/// Texts whose content shows neither in `Debug` nor through `Display`.
macro_rules! personal_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    };
}

/// Personal texts that may have any content.
macro_rules! any_personal_text {
    ($(#[$doc:meta])* $name:ident) => {
        personal_text!($(#[$doc])* $name);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }
        }
    };
}

any_personal_text!(
    /// Meta's id of one message. It holds the contact's phone number in base64, so it is as personal as the number.
    MessageId
);
any_personal_text!(
    /// Something a person wrote or read: the text of a message, a caption, the label of a button.
    Text
);
any_personal_text!(
    /// What a button carries back when it is tapped: the payload of a template's quick reply, the id of a reply button.
    Payload
);
any_personal_text!(
    /// A hash that changes when the contact registers WhatsApp anew: after a change of SIM or device, or when a number
    /// has passed to someone else.
    IdentityKeyHash
);
any_personal_text!(
    /// The JSON of one item as Meta sent it, for safekeeping of what could not be read.
    RawItem
);
personal_text!(
    /// What the sender of a message attached to it, and Meta returns with every status (`biz_opaque_callback_data`).
    Callback
);

/// The text cannot be attached to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not callback data: write 1 to {} characters", Callback::LONGEST)]
pub struct InvalidCallback;

impl Callback {
    /// The most characters Meta returns (status messages webhook reference).
    pub const LONGEST: usize = 512;

    /// Takes a text that Meta will return with every status of the message it is attached to. Attach something random:
    /// Meta keeps it, and every app on the account receives it.
    ///
    /// # Errors
    ///
    /// [`InvalidCallback`], if the text is empty or longer than [`Self::LONGEST`].
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidCallback> {
        let text = text.into();
        if (1..=Self::LONGEST).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(InvalidCallback)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing_about_what_a_person_wrote() {
        assert_eq!(format!("{:?}", Text::new("secret")), "Text(redacted)");
        assert_eq!(format!("{:?}", MessageId::new("wamid.secret")), "MessageId(redacted)");
        assert_eq!(format!("{:?}", Callback::new("secret").unwrap()), "Callback(redacted)");
    }

    #[test]
    fn callback_data_is_never_empty_and_never_longer_than_meta_returns() {
        assert_eq!(Callback::new(""), Err(InvalidCallback));
        assert!(Callback::new("ä".repeat(512)).is_ok());
        assert_eq!(Callback::new("a".repeat(513)), Err(InvalidCallback));
    }
}
