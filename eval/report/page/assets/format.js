"use strict";
// How figures are shown. eval/page/shown.py shows them in the same way before this runs.
const format = {
  number(value, digits) {
    return value.toLocaleString("en-US", {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    });
  },
  amount(value, symbol, among = 0) {
    const digits = Math.max(Math.abs(value), among) >= 1000 ? 0 : 2;
    const sign = Number(value.toFixed(digits)) < 0 ? "−" : "";
    return sign + symbol + format.number(Math.abs(value), digits);
  },
};
