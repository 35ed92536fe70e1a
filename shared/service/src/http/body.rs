//! The body of a request, read member by member so that what is wrong can be named.
//!
//! A library that fills structures would name the member too, but quotes the value in its messages, and here the value may
//! be a person's number.

use std::fmt::{self, Display};
use std::str::FromStr;

use consent::time::{Span, Time};
use lambda_http::Request;
use lambda_http::http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};

use super::refusal::{self, Refusal};

/// The largest body that is read, in bytes: many times what any request needs that goes through this reader.
const MAX_BODY: usize = 64 * 1024;

/// How far a caller's clock may be ahead. What is within counts as now.
const CLOCK_SKEW: Span = Span::minutes(1);

/// Reads the body as one JSON object.
///
/// # Errors
/// When the body is too large, is declared as something else, or is no object.
pub fn read(request: &Request) -> Result<Map<String, Value>, Refusal> {
    read_up_to(request, MAX_BODY)
}

/// Reads a body that may have so many bytes, for a request that lists much.
///
/// # Errors
/// As [`read`].
pub fn read_up_to(request: &Request, most: usize) -> Result<Map<String, Value>, Refusal> {
    let body: &[u8] = request.body().as_ref();
    if body.len() > most {
        return Err(refusal::too_large(most));
    }
    if !request.headers().get(CONTENT_TYPE).is_none_or(is_json) {
        return Err(refusal::not_declared_as_json());
    }
    serde_json::from_slice(body).map_err(|_| refusal::not_json())
}

/// Reads the body as one JSON object, which is empty if the body is.
///
/// # Errors
/// As [`read`].
pub fn read_or_nothing(request: &Request) -> Result<Map<String, Value>, Refusal> {
    if request.body().is_empty() {
        return Ok(Map::new());
    }
    read(request)
}

/// Takes note that a request says all it has to say by its address: its body is empty, or an object without members.
///
/// # Errors
/// When there is more in it.
pub fn nothing(request: &Request) -> Result<(), Refusal> {
    Object::whole(&read_or_nothing(request)?, &[]).map(|_| ())
}

fn is_json(content_type: &HeaderValue) -> bool {
    let declared = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A JSON object and where it stands in the body.
pub struct Object<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

/// A value and where it stands in the body.
pub struct Member<'a> {
    path: String,
    value: &'a Value,
}

// What stands there may be about a person, so only the place is shown.
impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<'a> Object<'a> {
    /// The whole body or [query](super::query), which may have these members and no others.
    ///
    /// # Errors
    /// When it has another member.
    pub fn whole(members: &'a Map<String, Value>, known: &[&str]) -> Result<Self, Refusal> {
        Self {
            path: String::new(),
            members,
        }
        .with_only(known)
    }

    fn with_only(self, known: &[&str]) -> Result<Self, Refusal> {
        if self.members.keys().all(|name| known.contains(&name.as_str())) {
            Ok(self)
        } else {
            Err(refusal::unknown_member(&self.path, known))
        }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// A member that may be left out; `null` leaves it out too.
    pub fn get(&self, name: &str) -> Option<Member<'a>> {
        let value = self.members.get(name).filter(|value| !value.is_null())?;
        Some(Member {
            path: self.path_of(name),
            value,
        })
    }

    /// A member that must be there.
    ///
    /// # Errors
    /// When it is missing.
    pub fn need(&self, name: &str) -> Result<Member<'a>, Refusal> {
        self.get(name)
            .ok_or_else(|| refusal::malformed(&self.path_of(name), "This member is missing."))
    }

    /// A refusal of the object as a whole.
    pub fn wrong(&self, detail: impl Display) -> Refusal {
        refusal::malformed(&self.path, sentence(detail))
    }
}

impl<'a> Member<'a> {
    /// The path by which a problem names the member.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A refusal of the member. The detail must not repeat its value.
    pub fn wrong(&self, detail: impl Display) -> Refusal {
        refusal::malformed(&self.path, sentence(detail))
    }

    /// Text.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn text(&self) -> Result<&'a str, Refusal> {
        self.value.as_str().ok_or_else(|| self.wrong("write text in quotes"))
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// When it is anything else, or too large.
    pub fn number(&self) -> Result<u32, Refusal> {
        let number = self.value.as_u64().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| self.wrong("write a whole number"))
    }

    /// A line of 1 to `most` characters.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn line(&self, most: usize) -> Result<&'a str, Refusal> {
        let text = self.text()?;
        let length = text.chars().count();
        if length == 0 || length > most || text.contains(char::is_control) {
            return Err(self.wrong(format_args!("write one line of 1 to {most} characters")));
        }
        Ok(text)
    }

    /// Text that stands for something.
    ///
    /// # Errors
    /// When it stands for nothing of the kind.
    pub fn parsed<T: FromStr<Err: Display>>(&self) -> Result<T, Refusal> {
        self.parsed_by(str::parse)
    }

    /// When something happened: a time that is over, or is now.
    ///
    /// # Errors
    /// When it is no time, or is yet to come.
    pub fn past(&self, now: Time) -> Result<Time, Refusal> {
        match self.parsed::<Time>()? {
            at if at > now + CLOCK_SKEW => Err(refusal::future_time(self.path())),
            at => Ok(at.min(now)),
        }
    }

    /// Text that stands for something. The error must not repeat the text.
    ///
    /// # Errors
    /// When it stands for nothing of the kind.
    pub fn parsed_by<T, E: Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Refusal> {
        parse(self.text()?).map_err(|error| self.wrong(error))
    }

    /// One of some values, by the name that each has in JSON.
    ///
    /// # Errors
    /// When it is none of them; the refusal lists them.
    pub fn one_of<T: Serialize + Copy>(&self, choices: &[T]) -> Result<T, Refusal> {
        let name = |choice: &T| serde_json::to_value(choice).unwrap_or_default();
        let chosen = choices.iter().find(|choice| name(choice) == *self.value).copied();
        chosen.ok_or_else(|| {
            let names = choices.iter().map(name);
            let names = names.filter_map(|name| name.as_str().map(str::to_owned));
            self.wrong("write one of the allowed values").with_allowed(names)
        })
    }

    /// The values of a list that is not empty.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn list(&self) -> Result<Vec<Self>, Refusal> {
        let values = self.value.as_array().filter(|values| !values.is_empty());
        let values = values.ok_or_else(|| self.wrong("write a list with at least one value"))?;
        let members = values.iter().enumerate();
        Ok(members
            .map(|(index, value)| Self {
                path: format!("{}[{index}]", self.path),
                value,
            })
            .collect())
    }

    /// An object, which may have these members and no others.
    ///
    /// # Errors
    /// When it is no object, or has another member.
    pub fn object(&self, known: &[&str]) -> Result<Object<'a>, Refusal> {
        let members = self.value.as_object();
        let members = members.ok_or_else(|| {
            self.wrong("write an object in curly brackets")
                .with_allowed(known.iter().copied())
        })?;
        Object {
            path: self.path.clone(),
            members,
        }
        .with_only(known)
    }
}

/// An error as a sentence. Errors of libraries begin in lower case and have no full stop; here they are all that the reader gets.
pub fn sentence(text: impl Display) -> String {
    let text = text.to_string();
    let mut letters = text.chars();
    let capital = letters.next().map(char::to_uppercase).into_iter().flatten();
    capital.chain(letters).chain(['.']).collect()
}
