"""The pages in a real Chromium, with real gates and servers behind them."""
