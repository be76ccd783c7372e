use super::*;
use crate::warehouse::contract::{Subject, contract};

struct TwinSubject(Twin);

#[async_trait]
impl Subject for TwinSubject {
    fn warehouse(&self) -> &dyn Warehouse {
        &self.0
    }

    fn filled(&self) -> Option<&dyn Filled> {
        Some(&self.0)
    }

    async fn put(&self, database: &str, table: NewTable) {
        Filled::put(&self.0, database, table).await.unwrap();
    }

    fn endless(&self) -> String {
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c".to_owned()
    }

    async fn running(&self) -> usize {
        self.0.running()
    }

    fn attacks(&self, target: &str) -> Vec<String> {
        vec![
            format!("INSERT INTO {target} VALUES (9, 'x')"),
            format!("UPDATE {target} SET id = 9"),
            format!("DELETE FROM {target}"),
            format!("DROP TABLE {target}"),
            "CREATE TABLE x (a)".to_owned(),
            "CREATE TEMP TABLE x (a)".to_owned(),
            "ATTACH ':memory:' AS x".to_owned(),
            "PRAGMA user_version = 3".to_owned(),
            format!("SELECT 1; DROP TABLE {target}"),
            "VACUUM".to_owned(),
            "BEGIN".to_owned(),
        ]
    }
}

contract!(TwinSubject(Twin::new().unwrap()));
