// A TUF client of another maker: npm `tuf-js`. Started as: node tuf_js_peer.mjs FOLDER STATE URL, where
// FOLDER/node_modules has tuf-js and STATE/metadata/root.json is where it starts. It refreshes, downloads every target that
// is named on its standard input, one a line, and prints one JSON object. Spoken to by tests/support/tuf_peers.py.
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { readFileSync } from "node:fs";

const [, , folder, state, url] = process.argv;
const { Updater } = createRequire(`${folder}/`)("tuf-js");
const targets = `${state}/targets`;
mkdirSync(targets, { recursive: true });

const updater = new Updater({
  metadataDir: `${state}/metadata`,
  metadataBaseUrl: url,
  targetDir: targets,
  targetBaseUrl: `${url}/targets`,
  config: { fetchRetries: 0, fetchTimeout: 10000 },
});

let answer;
try {
  await updater.refresh();
  const files = {};
  for (const name of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    const info = await updater.getTargetInfo(name);
    files[name] = readFileSync(await updater.downloadTarget(info)).toString("base64");
  }
  answer = { files };
} catch (error) {
  answer = { refused: error.constructor.name, reason: `${error.message}` };
}
console.log(JSON.stringify(answer));
