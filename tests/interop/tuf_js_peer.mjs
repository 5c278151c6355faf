// TUF clients of another maker: npm `tuf-js`. Started as: node tuf_js_peer.mjs FOLDER, where FOLDER/node_modules has tuf-js.
// For each line, {"state", "url", "names"}, it starts anew from state/metadata/root.json: it refreshes, downloads every target
// that is named, and prints one JSON object. Spoken to by tests/support/tuf_peers.py.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const { Updater } = createRequire(`${process.argv[2]}/`)("tuf-js");

for await (const line of createInterface({ input: process.stdin })) {
  const { state, url, names } = JSON.parse(line);
  const targets = `${state}/targets`;
  mkdirSync(targets, { recursive: true });
  let answer;
  try {
    const updater = new Updater({
      metadataDir: `${state}/metadata`,
      metadataBaseUrl: url,
      targetDir: targets,
      targetBaseUrl: `${url}/targets`,
      config: { fetchRetries: 0, fetchTimeout: 10000 },
    });
    await updater.refresh();
    const files = {};
    for (const name of names) {
      const info = await updater.getTargetInfo(name);
      files[name] = readFileSync(await updater.downloadTarget(info)).toString("base64");
    }
    answer = { files };
  } catch (error) {
    answer = { refused: error.constructor.name, reason: `${error.message}` };
  }
  console.log(JSON.stringify(answer));
}
