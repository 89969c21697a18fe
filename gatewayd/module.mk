$(eval $(call program,gatewayd,gatewayd,libevent_core libcjson sqlite3 openssl))
