//! What an answer means: a pure decision, apart from all I/O.

use ota_client::{Range, Reply};

use crate::{
    HttpError,
    head::{ContentRange, Head, Once},
    tag::Tag,
};

/// Judges the answer to a request for `range` of the content that `known` names.
pub(crate) fn judge<E>(head: &Head, range: Range, known: &Tag) -> Result<Reply, HttpError<E>> {
    match head.status {
        206 => partial(head, range, known),
        200 => Err(whole_file(head, known)),
        404 | 410 => Err(HttpError::NotFound),
        416 => Err(HttpError::RangeNotSatisfiable),
        408 | 425 | 429 | 500..=599 => Err(HttpError::Unavailable(head.status)),
        300..=399 => Err(HttpError::Redirect(head.status)),
        status => Err(HttpError::Refused(status)),
    }
}

/// To a request with `If-Range` the whole file is the right answer when the file changed; in
/// any other case the server does not know ranges.
fn whole_file<E>(head: &Head, known: &Tag) -> HttpError<E> {
    if known.strong().is_some() && head.tag != *known {
        HttpError::Changed
    } else {
        HttpError::RangeIgnored
    }
}

fn partial<E>(head: &Head, range: Range, known: &Tag) -> Result<Reply, HttpError<E>> {
    if !known.is_none() && !head.tag.is_none() && head.tag != *known {
        return Err(HttpError::Changed);
    }
    if head.content_encoded {
        return Err(HttpError::ContentEncoding);
    }
    // Checked before the length: with both, the length does not count.
    if head.transfer_encoded {
        return Err(HttpError::TransferEncoding);
    }
    // The parts have heads of their own, whatever this one says of the range.
    if head.multipart {
        return Err(HttpError::Multipart);
    }
    let Once::Is(content_range) = head.content_range else {
        return Err(HttpError::WrongContentRange);
    };
    let total = check_range(content_range, range)?;
    match head.content_length {
        Once::Absent => Err(HttpError::NoContentLength),
        Once::Is(length) if length == u64::from(range.length) => Ok(Reply {
            offset: range.offset,
            length: range.length,
            total,
        }),
        Once::Is(_) | Once::Bad => Err(HttpError::WrongContentLength),
    }
}

/// Exactly the range asked for, inside the file; a file that ends inside the range is too short
/// rather than wrong.
fn check_range<E>(got: ContentRange, asked: Range) -> Result<Option<u32>, HttpError<E>> {
    let first = u64::from(asked.offset);
    let end = first + u64::from(asked.length);
    if got.total.is_some_and(|total| total < end) {
        return Err(HttpError::RangeNotSatisfiable);
    }
    if got.first != first || got.last.checked_add(1) != Some(end) {
        return Err(HttpError::WrongContentRange);
    }
    // A package is shorter than 4 GiB; a longer file is certainly not this one.
    got.total
        .map(|total| u32::try_from(total).map_err(|_| HttpError::WrongContentRange))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Range = Range {
        offset: 1000,
        length: 500,
    };

    fn good() -> Head {
        Head {
            status: 206,
            content_length: Once::Is(500),
            content_range: Once::Is(ContentRange {
                first: 1000,
                last: 1499,
                total: Some(9000),
            }),
            tag: Tag::from_header(b"\"a\""),
            transfer_encoded: false,
            content_encoded: false,
            multipart: false,
            keep_alive: true,
        }
    }

    fn range(first: u64, last: u64, total: u64) -> Once<ContentRange> {
        Once::Is(ContentRange {
            first,
            last,
            total: Some(total),
        })
    }

    fn judged(head: &Head, known: &Tag) -> Result<Reply, HttpError<()>> {
        judge(head, ASKED, known)
    }

    #[test]
    fn the_range_asked_for_is_taken() {
        let reply = Reply {
            offset: 1000,
            length: 500,
            total: Some(9000),
        };
        assert_eq!(judged(&good(), &Tag::NONE), Ok(reply));
        assert_eq!(judged(&good(), &good().tag), Ok(reply));
    }

    #[test]
    fn an_answer_without_tag_does_not_count_as_changed() {
        let head = Head {
            tag: Tag::NONE,
            ..good()
        };
        assert!(judged(&head, &good().tag).is_ok());
    }

    #[test]
    fn every_other_framing_is_refused_by_its_own_name() {
        let cases = [
            (
                Head {
                    content_length: Once::Is(499),
                    ..good()
                },
                HttpError::WrongContentLength,
            ),
            (
                Head {
                    content_length: Once::Is(501),
                    ..good()
                },
                HttpError::WrongContentLength,
            ),
            (
                Head {
                    content_length: Once::Bad,
                    ..good()
                },
                HttpError::WrongContentLength,
            ),
            (
                Head {
                    content_length: Once::Absent,
                    ..good()
                },
                HttpError::NoContentLength,
            ),
            (
                Head {
                    content_range: Once::Absent,
                    ..good()
                },
                HttpError::WrongContentRange,
            ),
            (
                Head {
                    content_range: Once::Bad,
                    ..good()
                },
                HttpError::WrongContentRange,
            ),
            (
                Head {
                    content_range: range(999, 1499, 9000),
                    ..good()
                },
                HttpError::WrongContentRange,
            ),
            (
                Head {
                    content_range: range(1000, 1500, 9000),
                    ..good()
                },
                HttpError::WrongContentRange,
            ),
            (
                Head {
                    content_range: range(1000, 1498, 9000),
                    ..good()
                },
                HttpError::WrongContentRange,
            ),
            (
                Head {
                    content_range: range(0, u64::MAX, 9000),
                    ..good()
                },
                HttpError::WrongContentRange,
            ),
            (
                Head {
                    content_range: range(1000, 1499, 1 << 32),
                    ..good()
                },
                HttpError::WrongContentRange,
            ),
            (
                Head {
                    content_range: range(1000, 1298, 1299),
                    ..good()
                },
                HttpError::RangeNotSatisfiable,
            ),
            (
                Head {
                    transfer_encoded: true,
                    ..good()
                },
                HttpError::TransferEncoding,
            ),
            (
                Head {
                    content_encoded: true,
                    ..good()
                },
                HttpError::ContentEncoding,
            ),
            (
                Head {
                    multipart: true,
                    ..good()
                },
                HttpError::Multipart,
            ),
            (
                Head {
                    tag: Tag::from_header(b"\"b\""),
                    ..good()
                },
                HttpError::Changed,
            ),
        ];
        for (head, refusal) in cases {
            assert_eq!(judged(&head, &good().tag), Err(refusal), "{head:?}");
        }
    }

    #[test]
    fn every_other_status_is_refused_by_its_own_name() {
        for (status, refusal) in [
            (404, HttpError::NotFound),
            (410, HttpError::NotFound),
            (416, HttpError::RangeNotSatisfiable),
            (500, HttpError::Unavailable(500)),
            (503, HttpError::Unavailable(503)),
            (429, HttpError::Unavailable(429)),
            (301, HttpError::Redirect(301)),
            (307, HttpError::Redirect(307)),
            (304, HttpError::Redirect(304)),
            (403, HttpError::Refused(403)),
            (204, HttpError::Refused(204)),
            (101, HttpError::Refused(101)),
            (999, HttpError::Refused(999)),
        ] {
            let head = Head { status, ..good() };
            assert_eq!(judged(&head, &Tag::NONE), Err(refusal));
        }
    }

    #[test]
    fn the_whole_file_means_changed_only_after_a_condition_that_failed() {
        let head = Head {
            status: 200,
            ..good()
        };
        let weak = Tag::from_header(b"W/\"z\"");
        let other = Tag::from_header(b"\"z\"");
        assert_eq!(judged(&head, &Tag::NONE), Err(HttpError::RangeIgnored));
        assert_eq!(judged(&head, &good().tag), Err(HttpError::RangeIgnored));
        assert_eq!(judged(&head, &weak), Err(HttpError::RangeIgnored));
        assert_eq!(judged(&head, &other), Err(HttpError::Changed));
    }
}
