"""Who captures what: one owner a stand and camera among all captures, agreed on through the brokers."""
