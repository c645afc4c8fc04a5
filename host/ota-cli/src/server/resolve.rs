//! From the path of a URL to a file below the served folder, and to no other.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use hyper::StatusCode;
use percent_encoding::percent_decode_str;

use crate::keys::{BEGINNING, holds_private_key};

/// Opens the file that a request asks for by the path of a URL.
pub(super) fn open_url(root: &Path, url_path: &str) -> Result<File, StatusCode> {
    let decoded = percent_decode_str(url_path)
        .decode_utf8()
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    open(
        root,
        decoded.strip_prefix('/').ok_or(StatusCode::BAD_REQUEST)?,
    )
}

/// Opens a file by its path below the folder.
///
/// Refused are: anything that leads out of the folder, by `..` or by a link; names that begin with
/// a dot, which are files being written and other programs' own; private keys, which no server
/// should hold; folders.
pub(super) fn open(root: &Path, relative: &str) -> Result<File, StatusCode> {
    let mut file =
        File::open(find(root, relative)?).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    // Looked at in the file that is served then: the name may stand for another one by now.
    match begins_private_key(&mut file) {
        Ok(false) => Ok(file),
        Ok(true) => Err(StatusCode::FORBIDDEN),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn find(root: &Path, relative: &str) -> Result<PathBuf, StatusCode> {
    let mut path = root.to_path_buf();
    for name in relative.split('/') {
        check_name(name)?;
        path.push(name);
    }
    let path = path.canonicalize().map_err(|_| StatusCode::NOT_FOUND)?;
    if !path.starts_with(root) || is_named_as_key(&path) {
        return Err(StatusCode::FORBIDDEN);
    }
    if path.is_file() {
        Ok(path)
    } else {
        Err(StatusCode::NOT_FOUND)
    }
}

fn check_name(name: &str) -> Result<(), StatusCode> {
    // On Windows `\` separates and `:` names drives and streams; in release names neither is needed.
    if name.contains(['\\', ':', '\0']) {
        return Err(StatusCode::BAD_REQUEST);
    }
    if name.starts_with('.') {
        return Err(StatusCode::FORBIDDEN);
    }
    if name.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(())
}

/// Whether a file is not served because it is a private key: by what it contains, or by the name that
/// the tool gives to one.
pub(crate) fn is_private_key(path: &Path) -> bool {
    let holds_one = || begins_private_key(&mut File::open(path)?);
    path.is_file() && (is_named_as_key(path) || holds_one().unwrap_or_default())
}

fn is_named_as_key(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("key"))
}

/// Leaves the file at its beginning.
fn begins_private_key(file: &mut File) -> io::Result<bool> {
    let mut beginning = Vec::new();
    file.take(BEGINNING).read_to_end(&mut beginning)?;
    file.rewind()?;
    Ok(holds_private_key(&beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in the file that is found: its name, in these tests.
    fn resolve(root: &Path, url_path: &str) -> Result<String, StatusCode> {
        open_url(root, url_path).map(|file| io::read_to_string(file).unwrap())
    }

    #[test]
    fn only_plain_files_below_the_folder_are_found() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside
            .path()
            .join("releases")
            .canonicalize_after_creation();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        for name in ["a.ota", "sub/b 1.ota", "release.key", ".ota-x.part"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        assert_eq!(resolve(&root, "/a.ota"), Ok("a.ota".into()));
        assert_eq!(resolve(&root, "/sub/b%201.ota"), Ok("sub/b 1.ota".into()));
        let cases = [
            ("/../secret", StatusCode::FORBIDDEN),
            ("/sub/../../secret", StatusCode::FORBIDDEN),
            ("/%2e%2e/secret", StatusCode::FORBIDDEN),
            ("/..%2fsecret", StatusCode::FORBIDDEN),
            ("/sub/%2e%2e%2f%2e%2e%2fsecret", StatusCode::FORBIDDEN),
            ("/..%5csecret", StatusCode::BAD_REQUEST),
            ("/C:/secret", StatusCode::BAD_REQUEST),
            ("/a%00.ota", StatusCode::BAD_REQUEST),
            ("/%ff", StatusCode::BAD_REQUEST),
            ("//etc/passwd", StatusCode::NOT_FOUND),
            ("/", StatusCode::NOT_FOUND),
            ("/sub", StatusCode::NOT_FOUND),
            ("/sub/", StatusCode::NOT_FOUND),
            ("/missing.ota", StatusCode::NOT_FOUND),
            ("/release.key", StatusCode::FORBIDDEN),
            ("/.ota-x.part", StatusCode::FORBIDDEN),
        ];
        for (path, status) in cases {
            assert_eq!(resolve(&root, path), Err(status), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_of_the_folder_are_refused() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside
            .path()
            .join("releases")
            .canonicalize_after_creation();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        std::fs::write(root.join("a.ota"), "a.ota").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("out.ota")).unwrap();
        std::os::unix::fs::symlink("a.ota", root.join("latest.ota")).unwrap();
        assert_eq!(resolve(&root, "/out.ota"), Err(StatusCode::FORBIDDEN));
        assert_eq!(resolve(&root, "/latest.ota"), Ok("a.ota".into()));
    }

    trait Create {
        fn canonicalize_after_creation(self) -> PathBuf;
    }

    impl Create for PathBuf {
        fn canonicalize_after_creation(self) -> PathBuf {
            std::fs::create_dir(&self).unwrap();
            self.canonicalize().unwrap()
        }
    }
}
