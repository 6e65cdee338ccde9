#!/usr/bin/env node
/* Serves. */
"use strict";
const path = require("path");
//                    ^^^^ import "path"
const { join, resolve: r } = require("node:path");
//      ^^^^ import
import Base, { open as opener } from "./base.js";
//     ^^^^ import
export * from "./other.js";
//             ^^^^^^^^^^ import "./other.js"

/** Adds. */
function add(a, b) {
//       ^^^ function add 13-22 doc="Adds."
  // spectre is not called.
//   ^^^^^^^ nothing
  return path.sum(a, b) + later;
//            ^^^ call

  function local() {}
}

export const double = (x) => add(x, x);
//           ^^^^^^ function double
const times = async function (x) {
//    ^^^^^ function times
  return opener(x);
//       ^^^^^^ call
};

// A point.
export default class Point extends Base {
//                   ^^^^^ class Point 32-40,45,49 doc="A point."
//                                 ^^^^ type
  static #count = 0;

  handle = (event) => this.move(event);
//^^^^^^ method Point.handle
  async *walk() {
//       ^^^^ method Point.walk
    yield* new Step(this);
//             ^^^^ call
  }
  get #secret() {
//    ^^^^^^^ method Point.#secret
    return 1;
  }
}

Point.prototype.scale = function scale(by) {
//              ^^^^^ method Point.scale
  this.by = by;
};
Point.of = (x) => x;
//    ^^ function Point.of
module.exports = function (app) {
//     ^^^^^^^ function exports
  app.use(add);
//        ^^^ name
};
exports.run = () => start();
//      ^^^ function run

var Library = (function () {
//  ^^^^^^^ constant Library
  return { add };
//         ^^^ name
})();

add(1, 2);
