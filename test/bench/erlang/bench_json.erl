%% JSON, by whatever this Erlang has: the json module (OTP 27) or jsx.
-module(bench_json).

-export([recode/1]).

recode(Body) ->
    case find() of
        json -> iolist_to_binary(json:encode(json:decode(Body)));
        jsx -> jsx:encode(jsx:decode(Body, [return_maps]))
    end.

find() ->
    case erlang:module_loaded(json) orelse code:ensure_loaded(json) =:= {module, json} of
        true -> json;
        false -> {module, jsx} = code:ensure_loaded(jsx), jsx
    end.
