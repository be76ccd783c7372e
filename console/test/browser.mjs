// Drives the console in Chromium against a real service with the sample's data, and writes screenshots to look at.
//
// BINARY names the binary, CHROMIUM the browser, SHOTS the folder for the screenshots.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const project = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = resolve(process.env.BINARY ?? join(project, "target/release/instinct"));
const shots = resolve(process.env.SHOTS ?? join(project, "console/shots"));
const browsers = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Generous, since the machines that this runs on are shared. */
const WITHIN_MS = 30_000;

const data = mkdtempSync(join(tmpdir(), "instinct-console-"));
// The service refuses settings that it doesn't know, so it gets none but these.
const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith("INSTINCT"));
const env = {
  ...Object.fromEntries(foreign),
  INSTINCT_STRATEGIES__DIR: join(project, "strategies"),
  INSTINCT_EMBED__RUNTIME_DIR: join(project, "runtime"),
};

let port, origin, served, browser, page;
/** What must not be: errors in the browser's console, and requests to another origin. */
const errors = [];
const strangers = [];
let away = false;

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function serve() {
  let log = "";
  served = spawn(binary, ["serve", "--listen", `127.0.0.1:${port}`, "--data-dir", join(data, "data")], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  served.stderr.on("data", (part) => (log += part));
  const until = Date.now() + WITHIN_MS;
  while (Date.now() < until && served.exitCode === null) {
    const ready = await fetch(`${origin}/health/ready`).catch(() => null);
    if (ready?.ok) return;
    await sleep(100);
  }
  throw new Error(`the service did not start:\n${log}`);
}

async function stop() {
  if (!served || served.exitCode !== null) return;
  const ended = new Promise((over) => served.once("exit", over));
  served.kill("SIGTERM");
  await ended;
}

async function decide(body) {
  const answer = await fetch(`${origin}/v1/decide`, { method: "POST", body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return answer.json();
}

/** Sends what callers would send: the sample's requests, at most `most` of them. */
async function traffic(most, pause = 0) {
  const lines = readFileSync(join(project, "sample/requests.ndjson"), "utf8").trim().split("\n").slice(0, most);
  for (const line of lines) {
    const { text, tags } = JSON.parse(line);
    await decide({ text, tags, allow: "fast" });
    if (pause) await sleep(pause);
  }
}

const shoot = (name, whole = false) =>
  page.screenshot({ path: join(shots, `${name}.png`), fullPage: whole, animations: "disabled" });

const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim() || "");

before(async () => {
  const executablePath = browsers.find((path) => path && existsSync(path));
  assert.ok(executablePath, "there is no Chromium: install Debian's chromium, or name one in CHROMIUM");
  assert.ok(existsSync(binary), `there is no ${binary}: build it, or name one in BINARY`);
  mkdirSync(shots, { recursive: true });
  port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  await serve();
  browser = await chromium.launch({ executablePath, args: FLAGS });
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: "light" });
  page.setDefaultTimeout(WITHIN_MS);
  page.on("request", (request) => new URL(request.url()).origin !== origin && strangers.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (said) => !away && ["error", "warning"].includes(said.type()) && errors.push(said.text()));
});

after(async () => {
  await browser?.close();
  await stop();
  rmSync(data, { recursive: true, force: true });
});

test("a service without decisions says so in place of charts and lists", async () => {
  await page.goto(origin);
  await page.getByText("ready", { exact: true }).waitFor();
  await page.getByText("No requests yet").waitFor();
  await sleep(4_500);
  await shoot("01-empty", true);
  await page.getByRole("link", { name: "Decisions", exact: true }).click();
  await page.getByText("No decisions since the service started").waitFor();
});

test("a service that goes away is said to be away, and the page goes on when it is back", async () => {
  away = true;
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  await stop();
  await page.getByRole("alert").getByText("The service doesn't answer").waitFor();
  await sleep(300);
  await shoot("02-away");
  const files = ["components", "entries"].map((name) => join(project, `sample/${name}.ndjson`));
  const loaded = spawnSync(binary, ["ingest", "--data-dir", join(data, "data"), ...files], { env, encoding: "utf8" });
  assert.equal(loaded.status, 0, loaded.stderr);
  // Pressed while nobody answers: once the service is back the page finds that out by itself, and the button may go at any moment.
  await page.waitForFunction(() => {
    const ask = [...document.querySelectorAll("[role=alert] button")].find((one) => one.textContent === "Ask now");
    const real = window.fetch;
    let asked = 0;
    window.fetch = (...what) => ((asked += 1), real(...what));
    ask?.click();
    window.fetch = real;
    return asked > 0;
  });
  await serve();
  await page.getByRole("alert").waitFor({ state: "detached" });
  away = false;
});

test("the overview shows paths, latencies, the map and the error budget", async () => {
  await traffic(260, 25);
  await page.getByText("Answers now").waitFor();
  const answers = page.locator(".tile", { hasText: /^Answers(?! now)/ }).locator(".tile-value");
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".tile")].some((tile) => tile.textContent?.startsWith("Answers260")),
  );
  assert.equal(await answers.textContent(), "260");
  await page.locator(".uplot canvas").first().waitFor();
  assert.equal(await page.locator(".uplot").count(), 2);
  assert.ok((await page.locator(".map-box .dot.fate-served").count()) > 20, "served requests are on the map");
  assert.ok((await page.locator(".map-box .dot.fate-facts").count()) > 5, "requests that the facts refused are on the map");
  await page.getByRole("region", { name: "Error budget", exact: true }).getByText("news-impact").waitFor();
  const exact = page.getByRole("row", { name: /^exact/ }).first();
  assert.ok(Number((await exact.getByRole("cell").first().textContent()).replace(/\s/g, "")) > 0, "exact hits are counted");
  const dot = page.locator(".map-box .dot.fate-facts").first();
  await dot.scrollIntoViewIfNeeded();
  const box = await dot.boundingBox();
  await page.mouse.move(box.x + 4, box.y + 4);
  await page.locator(".tip").waitFor();
  await shoot("03-overview", true);
  await page.mouse.move(5, 5);
});

test("a tried text shows every candidate with its scores, its gates and what the refusing gate saw", async () => {
  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement?.id === "text");
  await page.keyboard.type("Bank of England raises rates to 3.5% in five-four vote");
  await page.keyboard.press("Enter");
  const rows = page.locator("table.candidates tbody tr");
  await rows.first().waitFor();
  assert.equal(await rows.count(), 10);
  await page.getByText("Nothing may be reused.").waitFor();
  for (const gate of ["floors", "facts", "validity", "trust", "action", "budget"]) {
    assert.equal(await page.locator("th.gate-name", { hasText: gate }).count(), 1, gate);
  }
  assert.match(await rows.first().locator(".gate").nth(1).textContent(), /refused/);
  assert.match(await rows.first().locator(".saw").textContent(), /\w+: .+ vs .+/);
  await rows.first().getByRole("button").click();
  await page.locator(".fact-pairs .differs").first().waitFor();
  await shoot("04-try", true);
  const counted = await (await fetch(`${origin}/v1/decisions`)).json();
  assert.ok(!counted.decisions.some((one) => one.text.startsWith("Bank of England raises rates to 3.5%")), "it was not counted");
});

test("a text that may be reused says which candidate, and a real decision tells its path and its times", async () => {
  await page.fill("#text", "Federal Reserve unexpectedly cuts rates by 50 basis points, cites rapid cooling of labour market");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("Candidate 1 may be reused").waitFor();
  await page.getByRole("button", { name: "Decide" }).click();
  await page.locator(".answer .timing").waitFor();
  await shoot("05-decided");
  await page.getByRole("link", { name: "Show among the decisions" }).click();
  await page.locator(".whole blockquote", { hasText: "Federal Reserve unexpectedly" }).waitFor();
});

test("a bad request shows the service's own words", async () => {
  await page.goto(`${origin}/#/try`);
  away = true;
  await page.fill("#text", "x");
  await page.getByLabel("Tags").fill("a".repeat(65));
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("alert").getByText("a tag has 1 to 64 bytes").waitFor();
  await page.getByLabel("Tags").fill("");
  away = false;
});

test("the wrong button posts feedback, tells what came of it, and the list shows it", async () => {
  const { id } = await decide({
    text: "Federal Reserve unexpectedly cuts rates by 50 basis points, cites rapid cooling of labour market",
  });
  await page.mouse.move(5, 5);
  await page.goto(`${origin}/#/decisions`);
  const row = page.locator("tr", { has: page.locator(`[data-row="${id}"]`) });
  await row.waitFor();
  await shoot("06-decisions");
  await row.getByRole("button", { name: /Report as wrong/ }).click();
  await page.getByRole("dialog").getByText("Report this decision as wrong?").waitFor();
  await page.getByLabel("It should have been").selectOption("-1");
  await page.getByLabel("Note").fill("the desk disagreed");
  await shoot("07-wrong");
  const posted = page.waitForRequest((request) => request.url().endsWith("/v1/feedback"));
  await page.getByRole("button", { name: "Report wrong" }).click();
  assert.deepEqual((await posted).postDataJSON(), {
    decision_id: id,
    verdict: "wrong",
    note: "the desk disagreed",
    expected: { kind: "trade", signal: -1, conviction: 0.5 },
  });
  await page.getByRole("dialog").getByText("Its entry serves no more").waitFor();
  await shoot("08-reported");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await row.locator(".said-wrong").waitFor();
  assert.equal(await row.getByRole("button", { name: /Report as wrong/ }).count(), 0);
  await page.getByRole("radio", { name: "Wrong" }).check();
  await page.waitForFunction(() => document.querySelectorAll("[data-row]").length === 1);
  await page.getByRole("radio", { name: "All" }).check();
});

test("no row moves away while the reader points at the list", async () => {
  await page.goto(`${origin}/#/decisions`);
  const first = page.locator("[data-row]").first();
  await first.hover();
  const id = await first.getAttribute("data-row");
  await decide({ text: "something newer", allow: "fast" });
  await page.getByRole("button", { name: "Show 1 newer" }).waitFor();
  assert.equal(await first.getAttribute("data-row"), id);
  await page.mouse.move(5, 5);
  await page.locator("[data-row]", { hasText: "something newer" }).waitFor();
});

test("everything is reached by the keyboard", async () => {
  await page.goto(`${origin}/#/overview`);
  await page.reload();
  await page.getByText("Answers now").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  const order = [];
  for (let i = 0; i < 5; i++) {
    await page.keyboard.press("Tab");
    order.push(await focused());
  }
  assert.match(order[0], /^Instinct/);
  assert.deepEqual(order.slice(1), ["Overview", "Try a text", "Decisions", "Strategies"]);
  for (const [key, title] of [
    ["2", "Try a text"],
    ["3", "Decisions"],
    ["4", "Strategies"],
    ["1", "Overview"],
  ]) {
    await page.keyboard.press(key);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
  }
  await page.keyboard.press("3");
  await page.locator("[data-row]").first().waitFor();
  await page.keyboard.press("j");
  await page.locator(".whole blockquote").waitFor();
  const first = new URL(page.url()).hash;
  await page.keyboard.press("j");
  await page.waitForFunction((before) => location.hash !== before, first);
  await page.keyboard.press("k");
  await page.waitForFunction((before) => location.hash === before, first);
  await page.locator(".whole .timing").waitFor();
  await shoot("09-whole");
  await page.keyboard.press("Escape");
  await page.locator(".whole").waitFor({ state: "detached" });
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByText("Keys of one letter are on").waitFor();
  await shoot("10-keys");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("it is dark where the system is, and where the reader says so", async () => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.getByLabel("Theme").selectOption("light");
  assert.equal(await paper(), light);
  await page.emulateMedia({ colorScheme: "light" });
  await page.getByLabel("Theme").selectOption("dark");
  assert.equal(await paper(), dark);
  await page.reload();
  assert.equal(await paper(), dark, "what was chosen stays");
  await traffic(60, 60);
  await page.goto(`${origin}/#/overview`);
  await page.locator(".uplot canvas").first().waitFor();
  await sleep(3_000);
  await shoot("11-overview-dark", true);
  await page.goto(`${origin}/#/decisions`);
  await page.locator("[data-row]").first().waitFor();
  await shoot("12-decisions-dark");
  await page.getByLabel("Theme").selectOption("system");
  assert.equal(await paper(), light);
});

test("the strategies show their rules, budget and calibration", async () => {
  await page.goto(`${origin}/#/strategies`);
  await page.getByRole("heading", { name: "news-impact" }).waitFor();
  await page.getByText("Not calibrated").waitFor();
  await shoot("13-strategies", true);
  await page
    .getByRole("navigation", { name: "Strategies" })
    .getByRole("link", { name: /intent/ })
    .click();
  await page.getByRole("heading", { name: "intent" }).waitFor();
});

test("a calibration is drawn with its proof", async () => {
  const calibration = JSON.parse(readFileSync(join(project, "console/test/calibration.json"), "utf8"));
  const withOne = async (route) => {
    const response = await route.fetch();
    const all = await response.json();
    await route.fulfill({ response, json: all.map((one) => (one.name === "intent" ? { ...one, ...calibration } : one)) });
  };
  await page.route("**/v1/strategies", withOne);
  await page.goto(`${origin}/#/strategies/intent`);
  await page.reload();
  await page.getByText("Served from a score of").waitFor();
  assert.ok((await page.locator(".bins .bin.served").count()) > 0);
  await shoot("14-calibration", true);
  await page.unroute("**/v1/strategies");
});

test("nothing runs over at the side of a narrow window", async () => {
  await page.setViewportSize({ width: 420, height: 860 });
  for (const view of ["overview", "try", "decisions", "strategies"]) {
    await page.goto(`${origin}/#/${view}`);
    await sleep(400);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, `${view} is ${over} px too wide`);
  }
  await shoot("15-narrow");
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("a service that asks for a token gets it with every request, from this tab alone", async () => {
  const seen = [];
  const guard = async (route) => {
    const bearer = (await route.request().allHeaders()).authorization;
    if (bearer === "Bearer the-token") {
      seen.push(new URL(route.request().url()).pathname);
      return route.continue();
    }
    return route.fulfill({
      status: 401,
      contentType: "application/problem+json",
      body: JSON.stringify({ title: "No credentials", status: 401, detail: "" }),
    });
  };
  for (const path of ["**/v1/**", "**/metrics", "**/health/**"]) await page.route(path, guard);
  away = true;
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await shoot("16-sign-in");
  await page.getByLabel("Token or API key").fill("the-token");
  await page.keyboard.press("Enter");
  await page.getByText("ready", { exact: true }).waitFor();
  assert.ok(
    ["/metrics", "/v1/strategies", "/v1/decisions", "/health/ready"].every((path) => seen.includes(path)),
    seen.join(" "),
  );
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage })), "{}");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.unrouteAll();
  // Refusals that were under way are told by the browser whenever it likes; behind a page that was let in there are none.
  await page.reload();
  await page.getByText("ready", { exact: true }).waitFor();
  away = false;
});

test("the browser complained of nothing, and no other site was asked", () => {
  assert.deepEqual(errors, []);
  assert.deepEqual(strangers, []);
});
