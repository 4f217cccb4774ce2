%% What gwport_plug asks of Plug.Conn.Status: see gwport_plug_host.
-module('Elixir.Plug.Conn.Status').

-export([reason_phrase/1]).

%% Plug has a list, and raises for what is not in there.
reason_phrase(299) -> error({'Elixir.ArgumentError', <<"unknown status code 299">>});
reason_phrase(Code) when Code >= 100, Code =< 599 -> <<"of the list">>.
