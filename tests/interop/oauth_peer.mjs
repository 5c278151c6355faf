// A client of another maker: gets an access token with npm `oauth4webapi`, which knows the issuer and its own key, and reads
// the rest from the issuer's metadata (RFC 8414). One JSON request on standard input, one JSON answer on standard output.
// Started as: node oauth_peer.mjs FOLDER, where FOLDER/node_modules has oauth4webapi. Spoken to by
// tests/support/oauth_peer.py.
import { request } from "node:https";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const oauth = await import(pathToFileURL(createRequire(`${process.argv[2]}/`).resolve("oauth4webapi")).href);
const { issuer, port, certificate, client, kid, jwk, scope } = JSON.parse(await text(process.stdin));

// Every host is on the loopback here, and has the one certificate that is trusted.
function overLoopback(url, { method, headers, body }) {
  return new Promise((resolve, reject) => {
    const { hostname, pathname } = new URL(url);
    const options = { host: "127.0.0.1", port, servername: hostname, ca: certificate, method, path: pathname, headers };
    const sent = request(options, async (reply) => {
      resolve(new Response(await text(reply), { status: reply.statusCode, headers: reply.headers }));
    });
    sent.on("error", reject);
    sent.end(body?.toString());
  });
}

const options = { [oauth.customFetch]: overLoopback };
const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
const authentication = oauth.PrivateKeyJwt({ key, kid }, {
  [oauth.modifyAssertion]: (header) => {
    header.alg = server.token_endpoint_auth_signing_alg_values_supported[0];
    header.typ = "client-authentication+jwt";
  },
});
const we = { client_id: client };
const reply = await oauth.clientCredentialsGrantRequest(server, we, authentication, scope ? { scope } : {}, options);
const token = await oauth.processClientCredentialsResponse(server, we, reply);
console.log(JSON.stringify({ server, token }));
