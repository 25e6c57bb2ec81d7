//! The cache file as the original program makes it.

use rusqlite::Connection;

use super::Shell;

/// As the original makes it, with the rows that it leaves: whole and fractional times, names that are missing.
pub fn old_cache(shell: &Shell, key: &str) -> Connection {
    std::fs::create_dir_all(shell.cache_path().parent().unwrap()).unwrap();
    let db = shell.sqlite();
    db.execute_batch(
        "CREATE TABLE archive (id VARCHAR NOT NULL, name VARCHAR, vault VARCHAR NOT NULL, \"key\" VARCHAR NOT NULL,
             last_seen_upstream INTEGER, created_here INTEGER, deleted_here INTEGER, PRIMARY KEY (id));",
    )
    .unwrap();
    let rows = [
        ("id-1", Some("one"), "v", key, Some(1_400_000_000.0), 1_400_000_100.25, None),
        ("id-2", Some("two"), "v", key, None, 1_400_000_200.0, None),
        ("id-3", None, "v", key, None, 1_400_000_300.5, None),
        ("id-4", Some("gone"), "v", key, None, 1_400_000_400.0, Some(1_400_000_500.75)),
        ("id-5", Some("other"), "w", key, None, 1_400_000_600.0, None),
        ("id-6", Some("alien"), "v", "AKIAOTHER", None, 1_400_000_700.0, None),
    ];
    for row in rows {
        db.execute("INSERT INTO archive VALUES (?, ?, ?, ?, ?, ?, ?)", row).unwrap();
    }
    db
}

pub fn rows(db: &Connection) -> Vec<String> {
    let sql = "SELECT id || '|' || coalesce(name, 'NULL') || '|' || vault || '|' || key || '|' || coalesce(last_seen_upstream, '')
               || '|' || created_here || '|' || coalesce(deleted_here, '') FROM archive ORDER BY id";
    let mut query = db.prepare(sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}
