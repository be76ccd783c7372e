//! Just enough of the protocol to give a server orders.

use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(5);

/// What the server on `port` says to a command, the parts of an array one to a line.
pub(super) fn ask(port: u16, command: &[&str]) -> Result<String, String> {
    let text = |error: Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), WITHIN).map_err(text)?;
    stream.set_read_timeout(Some(WITHIN)).map_err(text)?;
    let mut request = format!("*{}\r\n", command.len());
    for word in command {
        request += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(request.as_bytes()).map_err(text)?;
    let mut lines = Vec::new();
    read(&mut BufReader::new(stream), &mut lines)?;
    Ok(lines.join("\n"))
}

fn read(from: &mut BufReader<TcpStream>, into: &mut Vec<String>) -> Result<(), String> {
    let mut line = String::new();
    from.read_line(&mut line).map_err(|error| error.to_string())?;
    let (kind, rest) = line.trim_end().split_at_checked(1).ok_or("the connection was closed")?;
    let count = || rest.parse::<usize>();
    match kind {
        "-" => return Err(rest.to_owned()),
        "+" | ":" => into.push(rest.to_owned()),
        "$" | "*" if rest == "-1" => into.push(String::new()),
        "$" => {
            let mut bytes = vec![0; count().map_err(|error| error.to_string())? + 2];
            from.read_exact(&mut bytes).map_err(|error| error.to_string())?;
            bytes.truncate(bytes.len() - 2);
            into.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        "*" => {
            for _ in 0..count().map_err(|error| error.to_string())? {
                read(from, into)?;
            }
        }
        other => return Err(format!("a reply begins with {other}")),
    }
    Ok(())
}
