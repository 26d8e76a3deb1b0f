//! Identifies the data folder, so that other workers can tell whether they have the same files.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use banter_shared::{private, store::DataFolder};
use nix::unistd::gethostname;
use uuid::Uuid;

/// The file in the data folder that contains the folder's ID.
const ID_FILE: &str = "id";

/// Returns the identity of a data folder. Creates its ID if it has none.
///
/// # Errors
/// Fails if the file with the ID cannot be read or created, or does not contain a UUID.
pub fn identify(data_dir: &Path) -> io::Result<DataFolder> {
    let path = data_dir.join(ID_FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(data_dir, &path)?;
            fs::read_to_string(&path)?
        }
        result => result?,
    };
    private::restrict(&path, private::FILE_MODE);
    let id = Uuid::parse_str(text.trim())
        .map_err(|_| io::Error::other(format!("{} does not contain a UUID; remove the file", path.display())))?;
    let host = gethostname()?.to_string_lossy().into_owned();
    Ok(DataFolder { id: id.to_string(), host })
}

/// Creates the file unless another worker has just created it. It never exists without its content.
fn create(data_dir: &Path, path: &Path) -> io::Result<()> {
    let id = Uuid::new_v4();
    let unfinished = data_dir.join(format!("{ID_FILE}.{id}"));
    let mut file = private::create_file(&unfinished)?;
    let linked = writeln!(file, "{id}").and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&unfinished, path));
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn workers_with_the_same_data_folder_agree() {
        let folder = tempfile::tempdir().unwrap();

        let ids: Vec<DataFolder> = thread::scope(|scope| {
            let workers: Vec<_> = (0..8).map(|_| scope.spawn(|| identify(folder.path()).unwrap())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });

        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no unfinished file is left");
    }

    #[test]
    fn a_damaged_id_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ID_FILE), "?").unwrap();

        let error = identify(folder.path()).unwrap_err().to_string();

        assert!(error.ends_with("id does not contain a UUID; remove the file"), "{error}");
    }
}
