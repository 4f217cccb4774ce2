%% A breach of one of the gateway's rules (gwport_rules), as gwport_validate finds it: where, what
%% was seen, and what to do. What was seen is short, and never somebody's secret: of bodies, cookies,
%% queries and values of fields it has the size, or the place of a byte.
%% @hidden
-module(gwport_finding).

-export([new/3, format/1, json/1]).
-export([name/1, text/1, bytes/1, kind/1, control/1]).

-export_type([finding/0, breach/0]).

-type finding() :: #{
    rule := gwport_rules:id(),
    severity := error | warning,
    %% Whose fault it is.
    side := gateway | app,
    %% In the environ, the response or the body.
    where := binary(),
    seen := binary(),
    %% The rule and the remedy, each in a sentence.
    says := binary(),
    hint := binary(),
    %% Of the request, its path without the query, and who was called.
    method := binary(),
    path := binary(),
    app := binary()
}.
%% What a check tells: rule, where and seen.
-type breach() :: {gwport_rules:id(), iodata(), iodata()}.

%% Bytes of a text that are shown.
-define(SHOWN, 60).

-spec new(gwport_rules:rule(), breach(), #{method | path | app := binary()}) -> finding().
new(#{severity := Severity, side := Side, says := Says, hint := Hint}, {Id, Where, Seen}, Of) ->
    Of#{rule => Id, severity => Severity, side => Side, where => iolist_to_binary(Where),
        seen => iolist_to_binary(Seen), says => Says, hint => Hint}.

%% In one line.
-spec format(finding()) -> binary().
format(Finding) ->
    #{rule := Rule, where := Where, seen := Seen, says := Says, hint := Hint, method := Method,
        path := Path, app := App} = Finding,
    iolist_to_binary(["broken rule ", Rule, " in ", Where, ": ", Says, " Seen: ", Seen, ". ", Hint,
        " (", Method, " ", Path, ", app ", App, ")"]).

%% An object of strings, in this order.
-spec json(finding()) -> binary().
json(Finding) ->
    Keys = [rule, severity, side, where, seen, says, hint, method, path, app],
    iolist_to_binary(gwport_json:encode({[{Key, maps:get(Key, Finding)} || Key <- Keys]})).

%% Of a key, a header, a method or a path.
-spec name(binary()) -> iodata().
name(<<Shown:?SHOWN/binary, Rest/binary>>) when Rest =/= <<>> -> [gwport_line:text(Shown), "..."];
name(Name) -> gwport_line:text(Name).

%% What may be shown is shown, as far as it goes.
-spec text(term()) -> iodata().
text(<<Shown:?SHOWN/binary, Rest/binary>>) when Rest =/= <<>> ->
    [gwport_line:quote(Shown), " and ", integer_to_binary(byte_size(Rest)), " bytes more"];
text(Text) when is_binary(Text) -> gwport_line:quote(Text);
text(Term) -> kind(Term).

%% What may not.
-spec bytes(binary()) -> iodata().
bytes(Bytes) -> [integer_to_binary(byte_size(Bytes)), " bytes"].

%% Of a term that may be anything: an atom and a number are the app's own.
-spec kind(term()) -> iodata().
kind(Atom) when is_atom(Atom) -> ["the atom ", text(atom_to_binary(Atom))];
kind(Number) when is_number(Number) -> io_lib:format("the number ~0p", [Number]);
kind(Bytes) when is_binary(Bytes) -> ["a binary of ", bytes(Bytes)];
kind(Tuple) when is_tuple(Tuple) -> io_lib:format("a tuple of ~b", [tuple_size(Tuple)]);
kind(Map) when is_map(Map) -> io_lib:format("a map of ~b", [map_size(Map)]);
kind([]) -> "an empty list";
kind(List) when is_list(List) -> "a list";
kind(Fun) when is_function(Fun) ->
    {arity, Arity} = erlang:fun_info(Fun, arity),
    io_lib:format("a fun of ~b", [Arity]);
kind(_) -> "a term of another kind".

%% The first control byte, by its place.
-spec control(binary()) -> iodata().
control(Bytes) ->
    control(Bytes, 0).

control(<<C, _/binary>>, At) when C < $\s, C =/= $\t; C =:= 127 ->
    io_lib:format("byte ~b at ~b", [C, At]);
control(<<_, Rest/binary>>, At) ->
    control(Rest, At + 1);
control(<<>>, _) ->
    "none".
