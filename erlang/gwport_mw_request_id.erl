%% @doc Names each request: in the environ, where the app finds the name, be it in Erlang or a
%% program's; in the response; and, as `request_id', in the metadata of what its process logs.
%%
%% ```
%% gwport_gateway:chain(App, [gwport_mw_request_id:around(#{accept => true})])
%% '''
-module(gwport_mw_request_id).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    field => binary() | string(),
    accept => boolean()}.
%% See around/1.

%% @doc The middleware. A name that it makes is 32 hexadecimal digits that cannot be guessed.
%% Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`field' (x-request-id): the field that has the name</li>
%% <li>`accept' (false): whether the name that a request comes with is taken, if it has 1 to 64
%%     letters, digits, dots, dashes and underscores. It is for who stands behind a proxy that names
%%     requests; else clients choose what the log says of them</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    #{field := {Field, Key}, accept := Accept} = gwport_mw_options:check(Given,
        #{field => {<<"x-request-id">>, <<"HTTP_X_REQUEST_ID">>}, accept => false}, fun value/2),
    fun(App) ->
        fun(Environ) ->
            Id = id(Accept andalso maps:get(Key, Environ, none)),
            ok = logger:update_process_metadata(#{request_id => Id}),
            gwport_mw_response:then(App(Environ#{Key => Id}), fun({Status, Headers, Body}) ->
                {Status, gwport_mw_response:set(Field, Id, Headers), Body}
            end)
        end
    end.

value(field, Given) -> gwport_mw_options:field(Given);
value(accept, Given) -> gwport_mw_options:boolean(Given).

id(Given) when is_binary(Given), Given =/= <<>>, byte_size(Given) =< 64 ->
    case << <<C>> || <<C>> <= Given, is_plain(C) >> of
        Given -> Given;
        _ -> id(none)
    end;
id(_) ->
    gwport_field:lower(binary:encode_hex(crypto:strong_rand_bytes(16))).

%% What is harmless in a log and in a header.
is_plain(C) ->
    (C >= $a andalso C =< $z) orelse (C >= $A andalso C =< $Z) orelse (C >= $0 andalso C =< $9)
        orelse C =:= $. orelse C =:= $- orelse C =:= $_.
