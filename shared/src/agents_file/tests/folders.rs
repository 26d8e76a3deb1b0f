//! Tests for `[[folders]]` tables.

use std::path::PathBuf;

use super::*;

#[test]
fn reads_every_field_of_a_folder() {
    let catalog = parse(
        "[[folders]]\nkey = 'app'\nname = 'The app'\npath = '/srv/app'\nagents = ['demo', 'a']\nisolation = 'worktree'\n\
         [[folders]]\nkey = 'docs'\npath = '/srv/docs'\n\
         [[agents]]\nkey = 'a'\ndriver = 'demo'\nenabled = false",
    )
    .unwrap();

    let app = FolderConfig {
        key: "app".into(),
        name: "The app".into(),
        path: PathBuf::from("/srv/app"),
        agents: Some(vec!["demo".into(), "a".into()]),
        isolation: Isolation::Worktree,
    };
    let docs = FolderConfig {
        key: "docs".into(),
        name: "docs".into(),
        path: PathBuf::from("/srv/docs"),
        agents: None,
        isolation: Isolation::None,
    };
    assert_eq!(catalog.folders(), [app.clone(), docs.clone()]);
    assert_eq!(catalog.find_folder("docs"), Some(&docs));
    assert!(docs.allows("anyone") && app.allows("a") && !app.allows("anyone"));
}

#[test]
fn errors_name_the_folder_and_the_field() {
    let error = |lines: &str| error(&format!("[[folders]]\nkey = 'app'\n{lines}"));
    let path = "expected an absolute path on the worker, such as \"/home/me/project\"";

    assert_eq!(error(""), format!("AGENTS_FILE=agents.toml:1: folder `app`: `path` is missing; {path}"));
    for wrong in ["app", "./app", "/srv/../etc", "~/app"] {
        let expected = format!("AGENTS_FILE=agents.toml:3: folder `app`: `path`: {path}, without `..`");
        assert_eq!(error(&format!("path = '{wrong}'")), expected);
    }
    assert_eq!(
        error("path = '/srv'\nagents = ['nobody']"),
        "AGENTS_FILE=agents.toml:4: folder `app`: `agents`: there is no agent with the key \"nobody\""
    );
    assert!(error("path = '/srv'\nisolation = 'container'").contains("expected one of \"none\", \"worktree\""));
    assert!(error("path = '/srv'\nbranch = 'main'").contains("unknown key `branch`"));
    let twice = "path = '/srv'\n[[folders]]\nkey = 'app'\npath = '/srv'";
    assert!(error(twice).contains("must be unique; line 1 already uses it"));
}
