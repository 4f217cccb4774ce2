%% JSON, as the access log, findings and the status page are written in it.
%% @hidden
-module(gwport_json).

-export([encode/1]).

-export_type([json/0]).

%% Pairs in a tuple are an object whose keys stay in order. Other atoms than `true', `false' and
%% `null' are strings. Of a float one decimal is written.
-type json() :: #{atom() => json()} | {[{atom(), json()}]} | [json()] | binary() | number()
  | atom().

-spec encode(json()) -> iodata().
encode(Map) when is_map(Map) ->
    encode({maps:to_list(Map)});
encode({Pairs}) ->
    [${, lists:join($,, [[$", atom_to_binary(Key), "\":", encode(Value)]
        || {Key, Value} <- Pairs]), $}];
encode(List) when is_list(List) -> [$[, lists:join($,, [encode(Value) || Value <- List]), $]];
encode(Text) when is_binary(Text) -> gwport_line:json(Text);
encode(Number) when is_integer(Number) -> integer_to_binary(Number);
encode(Number) when is_float(Number) -> float_to_binary(Number, [{decimals, 1}]);
encode(Word) when Word =:= true; Word =:= false; Word =:= null -> atom_to_binary(Word);
encode(Word) -> gwport_line:json(atom_to_binary(Word)).
