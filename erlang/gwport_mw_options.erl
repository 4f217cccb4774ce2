%% The options of the middlewares gwport_mw_...: looked at when the chain is made, where a wrong one
%% is an error gwport_options:error().
%% @hidden
-module(gwport_mw_options).

-export([check/3, check/4]).
-export([integer/3, boolean/1, tokens/1, field/1, text/1, expected/3]).

-export_type([checked/0]).

%% What is good, as it is used from then on; or a sentence for people. A value that may be
%% somebody's secret is hidden.
-type checked() :: {ok, term()} | {error, string()} | {hidden, string()}.
-type value() :: fun((atom(), term()) -> checked()).

-spec check(gwport_options:given(), Defaults :: map(), value()) -> map().
check(Given, Defaults, Value) ->
    check(Given, Defaults, [], Value).

%% Defaults have all options but those that are Required.
-spec check(gwport_options:given(), Defaults :: map(), Required :: [atom()], value()) -> map().
check(Given, Defaults, Required, Value) ->
    Known = Required ++ maps:keys(Defaults),
    Checked = maps:map(fun(Key, Old) -> checked(Key, Old, Known, Value) end, options(Given)),
    _ = [error({missing_option, Key}) || Key <- Required, not is_map_key(Key, Checked)],
    maps:merge(Defaults, Checked).

options(Given) ->
    case gwport_options:map(Given) of
        {ok, Options} -> Options;
        error -> error({bad_option, {options, hidden, "expected a map or a list of pairs"}})
    end.

checked(Key, Old, Known, Value) ->
    case lists:member(Key, Known) andalso Value(Key, Old) of
        {ok, New} -> New;
        {error, Why} -> error({bad_option, {Key, Old, Why}});
        {hidden, Why} -> error({bad_option, {Key, hidden, Why}});
        false -> error({bad_option, {Key, hidden, unknown(Known)}})
    end.

unknown(Known) ->
    lists:append(["no such option; there are " | lists:join(", ", [atom_to_list(Key)
        || Key <- lists:sort(Known)])]).

-spec expected(boolean(), Good :: term(), string()) -> checked().
expected(true, Good, _) -> {ok, Good};
expected(false, _, Why) -> {error, Why}.

-spec integer(term(), integer(), integer()) -> checked().
integer(N, Min, Max) ->
    expected(is_integer(N) andalso N >= Min andalso N =< Max, N,
        lists:flatten(io_lib:format("expected an integer from ~b to ~b", [Min, Max]))).

-spec boolean(term()) -> checked().
boolean(Given) ->
    expected(is_boolean(Given), Given, "expected true or false").

%% Texts may be charlists or binaries, and are binaries from then on.
-spec text(term()) -> checked().
text(Given) when is_binary(Given); is_list(Given) ->
    try unicode:characters_to_binary(Given) of
        Text -> expected(is_binary(Text), Text, not_text())
    catch
        error:badarg -> {error, not_text()}
    end;
text(_) ->
    {error, not_text()}.

not_text() ->
    "expected a text, as a binary or a charlist".

%% Words of HTTP.
-spec tokens(term()) -> checked().
tokens(Given) when is_list(Given), length(Given) >= 0 ->
    Texts = [text(Each) || Each <- Given],
    expected(lists:all(fun({_, Text}) -> gwport_field:is_token(Text) end, Texts),
        [Text || {_, Text} <- Texts], not_tokens());
tokens(_) ->
    {error, not_tokens()}.

not_tokens() ->
    "expected a list of tokens".

%% The name of a field of the request, in lower case, and its key in an environ.
-spec field(term()) -> checked().
field(Given) ->
    case text(Given) of
        {ok, Text = <<_, _/binary>>} -> field(gwport_field:lower(Text), key(Text));
        _ -> {error, not_field()}
    end.

field(Name, Key) ->
    expected(byte_size(Key) =:= byte_size(Name), {Name, <<"HTTP_", Key/binary>>}, not_field()).

not_field() ->
    "expected the name of a field, of letters, digits and dashes".

key(Name) ->
    << <<(key_byte(C))>> || <<C>> <= gwport_field:lower(Name),
        C =:= $- orelse (C >= $a andalso C =< $z) orelse (C >= $0 andalso C =< $9) >>.

key_byte($-) -> $_;
key_byte(C) when C >= $a -> C - 32;
key_byte(C) -> C.
